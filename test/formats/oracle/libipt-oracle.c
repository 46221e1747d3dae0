/*
 * The second opinion on Processor Trace: intel/libipt decodes the same bytes (Debian: libipt-dev, `cc -O2 … -lipt`).
 *
 *   libipt-oracle packets TRACE              number of packets
 *   libipt-oracle insns   TRACE CODE...      "count hash" each 10,000 instructions and at the end, then "errors N"
 *   libipt-oracle list    TRACE CODE...      raw u64 addresses of instructions up to the first error
 *   libipt-oracle blocks  TRACE CODE...      raw u64 triples to stdout: first IP, last IP, number of instructions
 *   libipt-oracle time-packets|time-blocks SECONDS TRACE CODE...   best rate over repetitions, see bench/pt.ts
 *
 * CODE is FILE:OFFSET:LENGTH:ADDRESS (hex), pages:DATA:ADDRFILE, or cpu:FAMILY/MODEL/STEPPING (for errata). The hash is FNV-1a over the two 32-bit halves of each address.
 */
#include <intel-pt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t *load(const char *name, size_t *size)
{
	FILE *f = fopen(name, "rb");
	uint8_t *bytes;

	if (!f) {
		perror(name);
		exit(2);
	}
	fseek(f, 0, SEEK_END);
	*size = (size_t) ftell(f);
	rewind(f);
	bytes = malloc(*size + 1);
	if (!bytes || fread(bytes, 1, *size, f) != *size)
		exit(2);
	fclose(f);
	return bytes;
}

static void add_code(struct pt_image_section_cache *cache, struct pt_image *image, const char *what)
{
	char name[4096], addrs[4096];
	unsigned long long off, len, addr;
	int isid;

	if (sscanf(what, "pages:%4095[^:]:%4095[^:]", name, addrs) == 2) {
		size_t size, i;
		uint8_t *a = load(addrs, &size);

		for (i = 0; i + 8 <= size; i += 8) {
			uint64_t vaddr;

			memcpy(&vaddr, a + i, 8);
			isid = pt_iscache_add_file(cache, name, (i / 8) * 4096, 4096, vaddr);
			if (isid < 0 || pt_image_add_cached(image, cache, isid, NULL) < 0)
				exit(3);
		}
		free(a);
		return;
	}
	if (sscanf(what, "%4095[^:]:%llx:%llx:%llx", name, &off, &len, &addr) != 4)
		exit(4);
	isid = pt_iscache_add_file(cache, name, off, len, addr);
	if (isid < 0 || pt_image_add_cached(image, cache, isid, NULL) < 0)
		exit(3);
}

static uint64_t count_packets(struct pt_config *config)
{
	struct pt_packet_decoder *dec = pt_pkt_alloc_decoder(config);
	struct pt_packet packet;
	uint64_t n = 0;

	while (pt_pkt_sync_forward(dec) >= 0)
		while (pt_pkt_next(dec, &packet, sizeof(packet)) >= 0)
			n++;
	pt_pkt_free_decoder(dec);
	return n;
}

static uint32_t hash = 2166136261u;
static uint64_t count;
static int list;

static void one(uint64_t ip)
{
	if (list) {
		fwrite(&ip, sizeof(ip), 1, stdout);
		return;
	}
	hash = (hash ^ (uint32_t) ip) * 16777619u;
	hash = (hash ^ (uint32_t) (ip >> 32)) * 16777619u;
	if (++count % 10000 == 0)
		printf("%" PRIu64 " %08x\n", count, hash);
}

static int insns(struct pt_config *config, struct pt_image *image)
{
	struct pt_insn_decoder *dec = pt_insn_alloc_decoder(config);
	uint64_t errors = 0;
	int status;

	pt_insn_set_image(dec, image);
	for (;;) {
		status = pt_insn_sync_forward(dec);
		if (status < 0)
			break;
		for (;;) {
			struct pt_insn insn;

			while (status & pts_event_pending) {
				struct pt_event event;

				status = pt_insn_event(dec, &event, sizeof(event));
				if (status < 0)
					break;
			}
			if (status < 0 || (status & pts_eos))
				break;
			status = pt_insn_next(dec, &insn, sizeof(insn));
			if (status < 0)
				break;
			one(insn.ip);
		}
		if (status < 0 && status != -pte_eos) {
			uint64_t offset = 0;

			errors++;
			if (list)
				break;
			pt_insn_get_offset(dec, &offset);
			fprintf(stderr, "%" PRIx64 ": %s\n", offset, pt_errstr(pt_errcode(status)));
		}
		if (status >= 0)
			break; /* end of trace */
	}
	if (!list)
		printf("%" PRIu64 " %08x\nerrors %" PRIu64 "\n", count, hash, errors);
	pt_insn_free_decoder(dec);
	return 0;
}

static uint64_t blocks(struct pt_config *config, struct pt_image *image, FILE *out)
{
	struct pt_block_decoder *dec = pt_blk_alloc_decoder(config);
	uint64_t n = 0;
	int status;

	pt_blk_set_image(dec, image);
	for (;;) {
		status = pt_blk_sync_forward(dec);
		if (status < 0)
			break;
		for (;;) {
			struct pt_block block;

			while (status & pts_event_pending) {
				struct pt_event event;

				status = pt_blk_event(dec, &event, sizeof(event));
				if (status < 0)
					break;
			}
			if (status < 0 || (status & pts_eos))
				break;
			block.ninsn = 0;
			status = pt_blk_next(dec, &block, sizeof(block));
			n += block.ninsn;
			if (out && block.ninsn) {
				uint64_t row[3] = { block.ip, block.end_ip, block.ninsn };

				fwrite(row, sizeof(row), 1, out);
			}
			if (status < 0)
				break;
		}
		if (status >= 0)
			break;
	}
	pt_blk_free_decoder(dec);
	return n;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int timed = !strncmp(mode, "time-", 5);
	int at = timed ? 3 : 2, i;
	struct pt_image_section_cache *cache = pt_iscache_alloc(NULL);
	struct pt_image *image = pt_image_alloc(NULL);
	struct pt_config config;
	size_t size;

	if (argc <= at)
		return 1;
	pt_config_init(&config);
	config.begin = load(argv[at], &size);
	config.end = config.begin + size;
	for (i = at + 1; i < argc; i++) {
		unsigned family, model, stepping;

		if (sscanf(argv[i], "cpu:%u/%u/%u", &family, &model, &stepping) == 3) {
			config.cpu.vendor = pcv_intel;
			config.cpu.family = (uint16_t) family;
			config.cpu.model = (uint8_t) model;
			config.cpu.stepping = (uint8_t) stepping;
			pt_cpu_errata(&config.errata, &config.cpu);
			continue;
		}
		add_code(cache, image, argv[i]);
	}
	if (!strcmp(mode, "packets")) {
		printf("%" PRIu64 "\n", count_packets(&config));
		return 0;
	}
	list = !strcmp(mode, "list");
	if (list || !strcmp(mode, "insns"))
		return insns(&config, image);
	if (!strcmp(mode, "blocks"))
		return blocks(&config, image, stdout) == 0;
	if (timed) {
		double until = now() + atof(argv[2]), best = 1e9;
		uint64_t n = 0;

		do {
			double t = now();

			n = !strcmp(mode, "time-packets") ? (count_packets(&config), (uint64_t) size) : blocks(&config, image, NULL);
			t = now() - t;
			if (t < best)
				best = t;
		} while (now() < until);
		printf("%" PRIu64 " %.9f\n", n, best);
		return 0;
	}
	return 1;
}

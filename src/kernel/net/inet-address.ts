/**
 * Internet addresses of the one network that the model has: the loopback. Inside the kernel an address is `IP:PORT`, the IP as 32 hexadecimal
 * digits of its IPv6 form (IPv4 as ::ffff:a.b.c.d, RFC 4291 §2.5.5.2), so that both families meet in one name; '' is no address.
 */
import { AF } from '#abi/socket.ts';

const MAPPED = `${'0'.repeat(20)}ffff`;
export const ANY4 = `${MAPPED}00000000`;
export const ANY6: string = '0'.repeat(32);
export const LOOPBACK4 = `${MAPPED}7f000001`;
export const LOOPBACK6 = `${'0'.repeat(31)}1`;

export const isIPv4 = (ip: string): boolean => ip.startsWith(MAPPED);
export const isAny = (ip: string): boolean => ip === ANY4 || ip === ANY6;

export const endpoint = (ip: string, port: number): string => `${ip}:${port}`;
export const ipOf = (address: string): string => address.slice(0, 32);
export const portOf = (address: string): number => Number(address.slice(33));

/** An address that this machine has: 127.0.0.0/8 or ::1. */
export const isOwn = (ip: string): boolean => ip === LOOPBACK6 || (isIPv4(ip) && ip.startsWith('7f', 24));

/** Where a packet to `ip` goes: the wildcard means this machine; undefined: no route. */
export function route(ip: string): string | undefined {
  if (ip === ANY4) return LOOPBACK4;
  if (ip === ANY6) return LOOPBACK6;
  return isOwn(ip) ? ip : undefined;
}
/** The source address for packets to `ip`. */
export const sourceFor = (ip: string): string => (isIPv4(ip) ? LOOPBACK4 : LOOPBACK6);

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
function unhex(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** A sockaddr_in or sockaddr_in6; undefined: another family or too short. */
export function decodeAddress(bytes: Uint8Array): string | undefined {
  const family = (bytes[0] as number) | ((bytes[1] as number) << 8);
  const port = ((bytes[2] as number) << 8) | (bytes[3] as number);
  if (family === AF.INET && bytes.length >= 16) return endpoint(`${MAPPED}${hex(bytes.subarray(4, 8))}`, port);
  if (family === AF.INET6 && bytes.length >= 24) return endpoint(hex(bytes.subarray(8, 24)), port);
  return undefined;
}

/** As a socket of `family` tells it; '' gives the wildcard with port 0. */
export function encodeAddress(family: number, address: string): Uint8Array {
  const bytes = new Uint8Array(family === AF.INET ? 16 : 28);
  bytes[0] = family;
  if (address === '') return bytes;
  const port = portOf(address);
  bytes[2] = port >> 8;
  bytes[3] = port & 0xff;
  if (family === AF.INET) bytes.set(unhex(address.slice(24, 32)), 4);
  else bytes.set(unhex(ipOf(address)), 8);
  return bytes;
}

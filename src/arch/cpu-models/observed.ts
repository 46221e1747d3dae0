/**
 * Caches, TLBs and branch predictor as the models see them (machine/models), by processor. Cache sizes are CPUID leaf 4's (`CpuModel.caches`); TLB sizes
 * are those of Intel's optimization manual; what no document tells is assumed (docs/model.md).
 */

export interface Ways {
  readonly entries: number;
  readonly ways: number;
}

export interface TlbGeometry {
  readonly data: Ways;
  readonly code: Ways;
  /** For both; undefined: a miss walks. */
  readonly second: Ways | undefined;
}

/** Numbers of entries as powers of two. */
export interface PredictorGeometry {
  readonly bimodalBits: number;
  readonly gshareBits: number;
  readonly historyBits: number;
  readonly btbBits: number;
  readonly pathBits: number;
  readonly returns: number;
}

/** What `--cycles detailed` adds, in cycles: where an access was served from, and a wrong prediction. */
export interface MissCosts {
  readonly l2: number;
  readonly llc: number;
  readonly memory: number;
  readonly stlb: number;
  readonly walk: number;
  readonly mispredict: number;
}

export interface ObservedModels {
  /** A line that leaves the last level leaves all. */
  readonly inclusive: boolean;
  readonly tlb: TlbGeometry;
  readonly predictor: PredictorGeometry;
  readonly costs: MissCosts;
}

const SMALL_PREDICTOR: PredictorGeometry = { bimodalBits: 12, gshareBits: 12, historyBits: 12, btbBits: 9, pathBits: 8, returns: 16 };
const BIG_PREDICTOR: PredictorGeometry = { bimodalBits: 13, gshareBits: 14, historyBits: 14, btbBits: 12, pathBits: 10, returns: 16 };
const ways = (entries: number, n: number): Ways => ({ entries, ways: n });

export const OBSERVED_YONAH: ObservedModels = {
  inclusive: false,
  tlb: { data: ways(128, 4), code: ways(128, 4), second: undefined },
  predictor: SMALL_PREDICTOR,
  costs: { l2: 0, llc: 11, memory: 150, stlb: 0, walk: 25, mispredict: 12 },
};
export const OBSERVED_CORE2: ObservedModels = {
  inclusive: false,
  tlb: { data: ways(256, 4), code: ways(128, 4), second: undefined },
  predictor: SMALL_PREDICTOR,
  costs: { l2: 0, llc: 12, memory: 165, stlb: 0, walk: 25, mispredict: 15 },
};
export const OBSERVED_NEHALEM: ObservedModels = {
  inclusive: true,
  tlb: { data: ways(64, 4), code: ways(64, 4), second: ways(512, 4) },
  predictor: BIG_PREDICTOR,
  costs: { l2: 7, llc: 32, memory: 170, stlb: 7, walk: 30, mispredict: 17 },
};
export const OBSERVED_BROADWELL: ObservedModels = {
  inclusive: true,
  tlb: { data: ways(64, 4), code: ways(128, 4), second: ways(1536, 6) },
  predictor: BIG_PREDICTOR,
  costs: { l2: 8, llc: 30, memory: 180, stlb: 8, walk: 26, mispredict: 16 },
};
export const OBSERVED_SKYLAKE: ObservedModels = {
  inclusive: true,
  tlb: { data: ways(64, 4), code: ways(128, 8), second: ways(1536, 12) },
  predictor: BIG_PREDICTOR,
  costs: { l2: 8, llc: 38, memory: 190, stlb: 9, walk: 26, mispredict: 16 },
};
export const OBSERVED_GOLDMONT: ObservedModels = {
  inclusive: false,
  tlb: { data: ways(32, 32), code: ways(48, 48), second: ways(512, 4) },
  predictor: SMALL_PREDICTOR,
  costs: { l2: 0, llc: 16, memory: 170, stlb: 8, walk: 26, mispredict: 13 },
};
export const OBSERVED_ICELAKE: ObservedModels = {
  inclusive: false,
  tlb: { data: ways(64, 4), code: ways(128, 8), second: ways(2048, 16) },
  predictor: BIG_PREDICTOR,
  costs: { l2: 9, llc: 55, memory: 220, stlb: 7, walk: 24, mispredict: 17 },
};
export const OBSERVED_SAPPHIRERAPIDS: ObservedModels = {
  inclusive: false,
  tlb: { data: ways(96, 6), code: ways(256, 8), second: ways(2048, 16) },
  predictor: BIG_PREDICTOR,
  costs: { l2: 10, llc: 70, memory: 260, stlb: 7, walk: 24, mispredict: 17 },
};

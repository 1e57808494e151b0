//! The metric names of `samples.csv`, in one place: who writes a row and who reads it agree here.
//!
//! Windows: the harness writes one `tps` row per window, in time order, with `window` and `at_ns`
//! (the window's **end**, since the process's first transaction). Phase says how a window counts:
//! `steady` is in the process's figure, `warmup` is before it. A process **without steady state**
//! has `warmup` windows alone; its figure is then the median of all of them and it counts as
//! `unsteady`. `isolate` is empty for a figure of the whole process; rows with an isolate are that
//! thread's share, and are summed over isolates only where the process has no row of its own.
//!
//! Every other metric is one row a process (isolate and window empty), unless said otherwise.

/// Committed transactions per second over one window (phase `warmup` or `steady`), or over the
/// first pass of a process (phase `cold`). Unit [`unit::TPS`].
pub const TPS: &str = "tps";
/// `tps` with root, store and signature stages included. One row a process, phase `steady`.
pub const TPS_FULL: &str = "tps_full";

/// Cold start: the whole process, from spawn to exit, wall clock. Phase `cold`.
pub const PROCESS_NS: &str = "process_ns";
/// Cold start: the first pass up to the threshold (iterations 1 to 500). Phase `cold`.
/// Without a threshold (interpreter only): the same number of iterations.
pub const INTERPRETED_NS: &str = "interpreted_ns";
/// Cold start: the rest of the first pass. Phase `cold`.
pub const REST_NS: &str = "rest_ns";
/// Cold start: iterations that `interpreted_ns` covers (500 in the example). Phase `cold`.
pub const INTERPRETED_ITERATIONS: &str = "interpreted_iterations";
/// Cold start of a second run, from the cache: the whole process. Phase `cold`.
pub const CACHED_PROCESS_NS: &str = "cached_process_ns";

/// Time of a stage that has a phase of its own (`parse resolve compile native_compile setup`).
pub const STAGE_NS: &str = "stage_ns";

/// CPU time of the process over its timed windows. Phase `steady`.
pub const CPU_NS: &str = "cpu_ns";
/// State root time, summed over the windows that count. Phase `root`.
pub const ROOT_NS: &str = "root_ns";
/// Durable store time, likewise. Phase `store`.
pub const STORE_NS: &str = "store_ns";
/// Signature check time, likewise. Phase `sig`.
pub const SIG_NS: &str = "sig_ns";
/// Time of checking nonces, likewise. Phase `steady`.
pub const NONCE_NS: &str = "nonce_ns";
/// Time of taking fees, likewise. Phase `steady`.
pub const FEE_NS: &str = "fee_ns";

/// Committed transactions over all timed windows of the process: what `cpu_ns`, `root_ns`,
/// `store_ns`, `sig_ns` and `gas` are divided by. Phase `steady`.
pub const COMMITTED: &str = "committed";
/// Reverted transactions over the same windows.
pub const REVERTED: &str = "reverted";
/// Transactions that ran out of gas over the same windows.
pub const OUT_OF_GAS: &str = "out_of_gas";
/// Incarnations thrown away by the parallel executor over the same windows.
pub const ABORTED: &str = "aborted";
/// Gas of the committed transactions over the same windows.
pub const GAS: &str = "gas";

/// Peak resident set of the process.
pub const RSS_KIB: &str = "rss_kib";

/// Machine code that the process made, what was made again included. No row: none.
pub const NATIVE_BYTES: &str = "native_bytes";
/// Time spent making it.
pub const NATIVE_COMPILE_NS: &str = "native_compile_ns";
/// Guards in it that failed.
pub const NATIVE_EXITS: &str = "native_exits";
/// Pieces made again because of them.
pub const NATIVE_RECOMPILED: &str = "native_recompiled";

/// 1 when the process's digest chain equals the reference's as far as both go and `verify()`
/// passed, else 0. No row: not compared.
pub const AGREED: &str = "agreed";
/// Blocks or passes that were compared for [`AGREED`].
pub const AGREED_BLOCKS: &str = "agreed_blocks";

/// Deterministic counters of a fixed piece of work, from a process that times nothing. Phase `steady`.
pub const COUNTED_GAS: &str = "counted_gas";
/// As [`COUNTED_GAS`]: instructions that the VM executed.
pub const VM_OPERATIONS: &str = "vm_operations";
/// As [`COUNTED_GAS`]: heap objects made.
pub const ALLOCATIONS: &str = "allocations";
/// As [`COUNTED_GAS`]: size of the bytecode compiled.
pub const BYTECODE_BYTES: &str = "bytecode_bytes";
/// 1 when the output and the results of that work are those of the base, else 0. Arm `head`.
pub const SAME_OUTPUT: &str = "same_output";

/// Latency of sampled single transactions: one row a process, phase `probe`.
pub const P50_NS: &str = "p50_ns";
/// As [`P50_NS`], 99th percentile.
pub const P99_NS: &str = "p99_ns";
/// As [`P50_NS`], 99.9th percentile.
pub const P999_NS: &str = "p999_ns";
/// Below this a latency is not resolved by the clock. Phase `probe`.
pub const LATENCY_FLOOR_NS: &str = "latency_floor_ns";

/// Median duration of a batch of consecutive transactions, a transaction. Phase `probe`. Never
/// mixed with single transactions.
pub const BATCH_P50_NS: &str = "batch_p50_ns";
/// As [`BATCH_P50_NS`], 99th percentile of the batches.
pub const BATCH_P99_NS: &str = "batch_p99_ns";
/// Transactions a batch. Phase `probe`.
pub const BATCH_SIZE: &str = "batch_size";
/// Cost of reading the clock, before a probe's transactions. Phase `probe`.
pub const TIMER_BEFORE_NS: &str = "timer_before_ns";
/// As [`TIMER_BEFORE_NS`], after them.
pub const TIMER_AFTER_NS: &str = "timer_after_ns";
/// Single transactions that were timed. Phase `probe`.
pub const LATENCY_SAMPLES: &str = "latency_samples";
/// Transactions for each that was timed. Phase `probe`.
pub const SAMPLED_ONE_IN: &str = "sampled_one_in";
/// Timed transactions that found no room. Phase `probe`.
pub const SAMPLES_LOST: &str = "samples_lost";

/// Open load: transactions a second that were due. Phase `probe`; `p50_ns` and its like are then response times, from
/// when an arrival was due, and the rows' parameters name the rate.
pub const OFFERED_TPS: &str = "offered_tps";
/// Open load: transactions a second that had an answer. Phase `probe`.
pub const SERVED_TPS: &str = "served_tps";
/// Open load: transactions an arrival. Phase `probe`.
pub const ARRIVAL_SIZE: &str = "arrival_size";
/// Open load: the same process's closed loop before the rates. Phase `probe`.
pub const CLOSED_TPS: &str = "closed_tps";
/// Open load: from an arrival's begin to its end, median. Phase `probe`.
pub const SERVICE_P50_NS: &str = "service_p50_ns";
/// As [`SERVICE_P50_NS`], 99th percentile.
pub const SERVICE_P99_NS: &str = "service_p99_ns";
/// As [`SERVICE_P50_NS`], 99.9th percentile.
pub const SERVICE_P999_NS: &str = "service_p999_ns";
/// Open load: from when an arrival was due to its begin, median. Phase `probe`.
pub const QUEUE_P50_NS: &str = "queue_p50_ns";
/// As [`QUEUE_P50_NS`], 99th percentile.
pub const QUEUE_P99_NS: &str = "queue_p99_ns";
/// As [`QUEUE_P50_NS`], 99.9th percentile.
pub const QUEUE_P999_NS: &str = "queue_p999_ns";

/// From spawn to exit of the process. The last row of every process: without it, the process's
/// rows are not whole.
pub const WALL_NS: &str = "wall_ns";

/// 1 for a process that failed: the row stands for the numbers it did not give.
pub const FAILED: &str = "failed";

/// Units, as written to the `unit` column.
pub mod unit {
    /// Transactions per second.
    pub const TPS: &str = "tx/s";
    /// Nanoseconds.
    pub const NS: &str = "ns";
    /// Kibibytes.
    pub const KIB: &str = "KiB";
    /// Transactions.
    pub const TX: &str = "tx";
    /// Bytes.
    pub const BYTES: &str = "B";
    /// Gas.
    pub const GAS: &str = "gas";
    /// A plain number or a flag.
    pub const COUNT: &str = "count";
}

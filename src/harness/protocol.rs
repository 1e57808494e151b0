//! The runner protocol: JSON lines on a runner's standard output.
//!
//! `hello` first, `bye` last; between them `window`, `sample`, `event`, `counter`, `digest` and
//! `fail` in any order. Our own children speak it, and so can any other engine. Fields that are
//! not known are skipped, so a newer runner can say more; an unknown message type is an error.

use serde::{Deserialize, Serialize};

use super::arrivals::Rate;

/// The version that `hello` states.
pub const PROTOCOL: u32 = 1;

/// The chain of what a script prints: link i is SHA-256(link i-1, SHA-256 of what pass i printed), from 32 zero bytes.
pub const OUTPUT_CHAIN: &str = "output";

/// Longest line accepted, bytes.
pub const LINE_LIMIT: usize = 1 << 20;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// The first line.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// Name of the engine.
        engine: String,
        /// What its digests are of. Runners that name the same must agree with one another, link by link; without
        /// a name, a runner is compared with its own first process. [`OUTPUT_CHAIN`] has a fixed meaning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chain: Option<String>,
    },
    /// A timed stretch of work. The first of each isolate is the cold one: the first pass or block.
    Window {
        /// Committed transactions.
        n: u64,
        /// Time they took.
        ns: u64,
        /// Thread.
        #[serde(default)]
        isolate: u32,
        /// End of the window, since the first transaction.
        #[serde(default)]
        at_ns: Option<u64>,
    },
    /// One transaction's time.
    Sample {
        /// Its duration.
        ns: u64,
    },
    /// Latencies of a stretch of time.
    Histogram(IntervalHistogram),
    /// A tier decision.
    Event(Event),
    /// A number about the whole process; a name said again replaces the value.
    Counter {
        /// Its name, of [`counter`].
        name: String,
        /// Its value.
        value: f64,
    },
    /// A link of the digest chain.
    Digest {
        /// Ordinal of the pass or block.
        index: u64,
        /// The link, 64 hexadecimal digits.
        hex: String,
        /// Thread.
        #[serde(default)]
        isolate: u32,
    },
    /// A rate of open load.
    Step(OpenStep),
    /// A line for people.
    Note {
        /// The line.
        text: String,
    },
    /// The workload failed; nothing but `bye` follows.
    Fail {
        /// What failed.
        what: Failed,
        /// The diagnostic.
        message: String,
    },
    /// The last line.
    Bye,
}

/// Which latencies a histogram holds. The two are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencySeries {
    /// Single transactions.
    Single,
    /// Whole batches of consecutive transactions.
    Batch,
}

/// Latencies of a stretch of time, merged over threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalHistogram {
    /// What one value is.
    pub series: LatencySeries,
    /// Tier in which the transactions ran.
    pub tag: String,
    /// Begin, since the first transaction.
    pub at_ns: u64,
    /// Length of the stretch.
    pub length_ns: u64,
    /// Transactions a value stands for: 1, or the size of a batch.
    pub n: u64,
    /// `HdrHistogram` of nanoseconds, V2 compressed, in base64.
    pub data: String,
}

/// What became of one rate of open load, all threads together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenStep {
    /// Ordinal in the ladder.
    pub ordinal: u32,
    /// As it was asked for.
    pub rate: Rate,
    /// Transactions a second that were due.
    pub offered_tps: f64,
    /// Transactions a second that had an answer.
    pub served_tps: f64,
    /// How many had an answer.
    pub transactions: u64,
    /// How many of them were committed.
    pub committed: u64,
    /// Transactions an arrival: the unit of the latencies.
    pub batch: u64,
    /// From when an arrival was due to its end: `HdrHistogram` of nanoseconds, V2 compressed, in base64.
    pub response: String,
    /// From its begin to its end, likewise.
    pub service: String,
    /// From when it was due to its begin, likewise.
    pub queue: String,
    /// When the rate's schedule began, nanoseconds from the first window's begin.
    pub at_ns: u64,
    /// How long it took, from there to the last answer.
    pub length_ns: u64,
}

/// A tier decision, as a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as the fields of engine::TierEvent")]
pub struct Event {
    pub at_ns: u64,
    pub site: String,
    pub kind: String,
    pub iteration: u64,
    pub from: String,
    pub to: String,
    pub compile_ns: u64,
    pub code_bytes: u64,
    #[serde(default)]
    pub speedup: Option<f64>,
    pub reason: String,
    #[serde(default)]
    pub isolate: u32,
}

/// What a `fail` line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failed {
    /// The program ended with an error.
    Program,
    /// It was stopped at the time limit.
    TimeLimit,
    /// `verify()` failed: the results are wrong.
    Verify,
    /// The runner could not do what it was asked.
    Runner,
}

/// Names of counters.
#[expect(missing_docs, reason = "the names are the documentation; units are their suffixes")]
pub mod counter {
    pub const PARSE_NS: &str = "parse_ns";
    pub const RESOLVE_NS: &str = "resolve_ns";
    /// Loading the program from the cache; said only if it came from there.
    pub const LOAD_NS: &str = "load_ns";
    pub const COMPILE_NS: &str = "compile_ns";
    pub const SETUP_NS: &str = "setup_ns";
    pub const CPU_NS: &str = "cpu_ns";
    pub const ROOT_NS: &str = "root_ns";
    pub const STORE_NS: &str = "store_ns";
    pub const SIG_NS: &str = "sig_ns";
    pub const NONCE_NS: &str = "nonce_ns";
    pub const FEE_NS: &str = "fee_ns";
    pub const COMMITTED: &str = "committed";
    pub const REVERTED: &str = "reverted";
    pub const OUT_OF_GAS: &str = "out_of_gas";
    pub const GAS: &str = "gas";
    pub const RSS_KIB: &str = "rss_kib";
    /// Transactions of one pass, counted by the reference.
    pub const TX_PER_PASS: &str = "tx_per_pass";
    /// Duration of the only pass of a cold process.
    pub const RUN_NS: &str = "run_ns";
    /// From the start of that pass to the first hand-over.
    pub const HANDOVER_NS: &str = "handover_ns";
    /// Iterations or calls at the first hand-over.
    pub const HANDOVER_ITERATION: &str = "handover_iteration";
    /// Smallest step of the clock that a probe saw, before and after its transactions; the larger.
    pub const CLOCK_STEP_NS: &str = "clock_step_ns";
    /// Cost of reading the clock before a probe's transactions.
    pub const TIMER_BEFORE_NS: &str = "timer_before_ns";
    /// The same after them.
    pub const TIMER_AFTER_NS: &str = "timer_after_ns";
    /// Transactions for each that a probe timed.
    pub const ONE_IN: &str = "one_in";
    /// Samples that found no room.
    pub const SAMPLES_LOST: &str = "samples_lost";
    /// Batches left out because they were shorter than 100 steps of the clock.
    pub const BATCHES_SHORT: &str = "batches_short";
    /// Transactions a second of the closed loop before the rates of open load.
    pub const CLOSED_TPS: &str = "closed_tps";
    /// Gas of the counted work.
    pub const COUNTED_GAS: &str = "counted_gas";
    /// Transactions in it that were committed.
    pub const COUNTED_TRANSACTIONS: &str = "counted_transactions";
    /// Instructions that the VM executed for it.
    pub const VM_OPERATIONS: &str = "vm_operations";
    pub const ALLOCATIONS: &str = "allocations";
    pub const BYTECODE_BYTES: &str = "bytecode_bytes";
    /// Pieces of native code made, those made again included.
    pub const NATIVE_UNITS: &str = "native_units";
    /// Making them, in nanoseconds.
    pub const NATIVE_COMPILE_NS: &str = "native_compile_ns";
    pub const NATIVE_BYTES: &str = "native_bytes";
    /// Guards that failed.
    pub const NATIVE_EXITS: &str = "native_exits";
    /// Pieces made again because of them.
    pub const NATIVE_RECOMPILED: &str = "native_recompiled";
    /// Loops and actions that stay in the VM.
    pub const NATIVE_REFUSED: &str = "native_refused";
    /// Begins `action_gas/min/Token.transfer` and its like: `calls`, `min`, `median`, `max`.
    pub const ACTION_GAS: &str = "action_gas/";
    /// Begins `of_kind/gas_median/transfer` and its like: one kind of transaction.
    pub const OF_KIND: &str = "of_kind/";
    /// 1 if `verify()` ran and passed.
    pub const VERIFIED: &str = "verified";
}

/// Reads one side of a conversation and checks its order.
#[derive(Debug, Default)]
pub struct Conversation {
    lines: u64,
    greeted: bool,
    finished: bool,
}

impl Conversation {
    /// Takes the next line.
    pub fn read(&mut self, line: &[u8]) -> Result<Message, String> {
        self.lines += 1;
        let number = self.lines;
        let message: Message = serde_json::from_slice(line).map_err(|e| {
            format!("line {number} of the runner's output is no protocol message: {e}: `{}`", excerpt(line))
        })?;
        match &message {
            Message::Hello { .. } if self.greeted => return Err(format!("line {number}: a second `hello`")),
            Message::Hello { protocol, .. } if *protocol != PROTOCOL => {
                return Err(format!("the runner speaks protocol {protocol}, this zx-bench speaks {PROTOCOL}"));
            }
            Message::Hello { .. } => self.greeted = true,
            _ if !self.greeted => {
                return Err(format!("line {number}: the first message must be `hello`, not `{}`", excerpt(line)));
            }
            _ if self.finished => return Err(format!("line {number}: a message after `bye`: `{}`", excerpt(line))),
            Message::Bye => self.finished = true,
            Message::Window { ns: 0, .. } => return Err(format!("line {number}: a window that took no time")),
            _ => {}
        }
        Ok(message)
    }

    /// Whether `bye` was said.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether `hello` was said.
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }
}

/// The start of a line, fit to be shown.
fn excerpt(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(240)]);
    let shown: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 60 { format!("{shown}...") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = br#"{"type":"hello","protocol":1,"engine":"x"}"#;

    fn after_hello(line: &[u8]) -> Result<Message, String> {
        let mut talk = Conversation::default();
        talk.read(HELLO).expect("hello");
        talk.read(line)
    }

    #[test]
    fn messages_round_trip() {
        let event = Event {
            at_ns: 1,
            site: "a.zx:1:2".into(),
            kind: "loop".into(),
            iteration: 500,
            from: "evaluator".into(),
            to: "vm".into(),
            compile_ns: 9,
            code_bytes: 8,
            speedup: None,
            reason: "threshold".into(),
            isolate: 1,
        };
        for message in [
            Message::Window { n: 5, ns: 7, isolate: 1, at_ns: Some(8) },
            Message::Sample { ns: 3 },
            Message::Event(event),
            Message::Counter { name: "gas".into(), value: 1e15 },
            Message::Digest { index: 0, hex: "00".into(), isolate: 0 },
            Message::Fail { what: Failed::Verify, message: "m".into() },
            Message::Bye,
        ] {
            let line = serde_json::to_vec(&message).expect("serializes");
            assert_eq!(after_hello(&line), Ok(message));
        }
    }

    #[test]
    fn a_minimal_foreign_window_is_enough() {
        let read = after_hello(br#"{"type":"window","n":100,"ns":5,"extra":true}"#);
        assert_eq!(read, Ok(Message::Window { n: 100, ns: 5, isolate: 0, at_ns: None }));
    }

    #[test]
    fn garbage_is_shown_and_refused() {
        let said = after_hello(b"hello world \x1b[31m \xff").expect_err("refused");
        assert!(said.starts_with("line 2 of the runner's output is no protocol message"), "{said}");
        assert!(!said.contains('\x1b'), "control characters stay out: {said}");
        let long = after_hello(&vec![b'x'; 10_000]).expect_err("refused");
        assert!(long.len() < 300);
        assert!(after_hello(br#"{"type":"dance"}"#).expect_err("refused").contains("dance"));
        assert!(after_hello(br#"{"type":"window","n":1,"ns":0}"#).is_err());
        assert!(after_hello(br#"{"type":"window","n":-1,"ns":5}"#).is_err());
    }

    #[test]
    fn order_is_checked() {
        let mut talk = Conversation::default();
        assert!(talk.read(br#"{"type":"bye"}"#).expect_err("refused").contains("must be `hello`"));
        assert!(after_hello(HELLO).expect_err("refused").contains("second"));
        assert!(Conversation::default().read(br#"{"type":"hello","protocol":9,"engine":"x"}"#).is_err());
        let mut talk = Conversation::default();
        talk.read(HELLO).expect("hello");
        talk.read(br#"{"type":"bye"}"#).expect("bye");
        assert!(talk.is_finished());
        assert!(talk.read(br#"{"type":"bye"}"#).is_err());
    }
}

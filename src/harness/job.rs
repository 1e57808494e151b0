//! What one child process is told to do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::arrivals::OpenLoad;
use super::parameters::Parameters;
use super::workload::Form;

/// The kinds of child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Makes the digest chain that every other process must equal; times nothing.
    Reference,
    /// Measures one cell.
    Measure,
    /// Runs one pass or block, to be compared; times nothing.
    Smoke,
    /// A whole fresh run of a script, once.
    Cold,
    /// Measures one cell under open load, rate after rate.
    Open,
    /// Times single transactions and batches of them; gives no throughput.
    Probe,
    /// Writes the blocks of the stream to a trace; times nothing.
    Record,
    /// Looks at each kind of transaction of a block workload; gives no throughput.
    Actions,
    /// Counts a fixed piece of work; times nothing.
    Count,
    /// Measures a fixed native loop: what the machine does to code that never changes.
    Control,
}

/// What can be taken out of an engine, to see what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Charging gas in native code, and asking whether there is enough.
    Gas,
    /// Asking in native code whether integers overflow.
    OverflowChecks,
    /// Keeping what native code overwrites.
    Journal,
    /// Writing and hashing receipts.
    Receipt,
    /// Native code as a whole: `adaptive` stays in the VM. Its results are those of a whole engine.
    NativeCode,
}

/// A child's job, as JSON on its command line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its kind.
    pub kind: JobKind,
    /// The workload file.
    pub workload: PathBuf,
    /// Digest of its text when the parent read it.
    pub workload_digest: String,
    /// Its form.
    pub form: FormName,
    /// The action that is a transaction.
    pub transaction: String,
    /// Mode, as in the `mode` column.
    pub mode: String,
    /// Executor, as in the `executor` column.
    pub executor: String,
    /// Threads.
    pub threads: usize,
    /// Everything that changes the work.
    pub parameters: Parameters,
    /// For how long to run windows.
    pub process_ms: u64,
    /// Length of a window to aim at.
    pub window_ns: u64,
    /// When the program is interrupted.
    pub limit_ms: u64,
    /// Links of the chain to emit; the reference holds no more than these.
    pub digests: u64,
    /// Transactions of one pass of a script; the reference counts them.
    pub tx_per_pass: u64,
    /// For a script's reference: the links are of what it prints ([`super::protocol::OUTPUT_CHAIN`]), which other
    /// engines can make too.
    #[serde(default)]
    pub output_chain: bool,
    /// Takes the program from the cache of compiled programs in this folder, or puts it there; otherwise none is used.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// By this share each pass or block is made longer, in a busy loop: the gate's self-test.
    #[serde(default)]
    pub added: f64,
    /// What the engine does without: the ledger of costs. Such an engine proves nothing and is never compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Cost>,
    /// Says at the end what was made native code and what was not, and why.
    #[serde(default)]
    pub explain: Option<Explain>,
    /// The rates of [`JobKind::Open`].
    #[serde(default)]
    pub open: Option<OpenLoad>,
}

/// What is told about compiling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explain {
    /// Bytecode, Cranelift's form and machine code of what was compiled go into this folder.
    #[serde(default)]
    pub dump: Option<PathBuf>,
}

/// [`Form`], as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "as Form")]
pub enum FormName {
    Script,
    Block,
}

impl From<Form> for FormName {
    fn from(form: Form) -> Self {
        match form {
            Form::Script => Self::Script,
            Form::Block => Self::Block,
        }
    }
}

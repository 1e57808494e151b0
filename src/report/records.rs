//! The rows of `samples.csv`, `summary.csv` and `tiers.csv`, and how they are written and read.
//!
//! The columns are a contract: unknown or censored is an empty cell, never zero; a new column goes
//! at the end and raises [`SCHEMA`]. Writers flush every row, so a killed run keeps what it had;
//! readers drop the half line such a run leaves behind, and say so.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The version of the column contract. Every row of `samples.csv` carries it.
pub const SCHEMA: u32 = 1;

/// File names inside a result folder.
pub const SAMPLES: &str = "samples.csv";
/// One row a cell.
pub const SUMMARY: &str = "summary.csv";
/// One row a tier event.
pub const TIERS: &str = "tiers.csv";

/// Which side of a paired comparison a process belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The version compared against.
    Base,
    /// The version under test.
    Head,
    /// Base against base: what this machine calls a difference when there is none.
    Null,
    /// A fixed native loop that no version changes.
    Control,
    /// Not a comparison.
    #[serde(rename = "-")]
    Single,
}

/// What the process was doing when the value was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation of the columns")]
pub enum Phase {
    Parse,
    Resolve,
    Compile,
    NativeCompile,
    Setup,
    Cold,
    Warmup,
    Steady,
    Probe,
    Root,
    Store,
    Sig,
}

/// How a process, or most processes of a cell, came to its steady state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WarmupVerdict {
    /// Steady from the first window.
    #[serde(rename = "flat")]
    Flat,
    /// Became faster, then steady.
    #[serde(rename = "warmup")]
    Warmup,
    /// Became slower, then steady.
    #[serde(rename = "slowdown")]
    Slowdown,
    /// Never became steady within its time.
    #[serde(rename = "no steady state")]
    NoSteadyState,
    /// Steady, but no code left the lowest tier although the mode allows it.
    #[serde(rename = "never promoted")]
    NeverPromoted,
}

impl WarmupVerdict {
    /// The text of the `warmup` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Warmup => "warmup",
            Self::Slowdown => "slowdown",
            Self::NoSteadyState => "no steady state",
            Self::NeverPromoted => "never promoted",
        }
    }
}

/// One measured value. Metric names and their units are in [`super::metrics`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    /// [`SCHEMA`] of the writer.
    pub schema: u32,
    /// Id of the run, the same in every row of a folder.
    pub run: String,
    /// Side of a comparison.
    pub arm: Arm,
    /// Ordinal of the interleaving block.
    pub block: Option<u32>,
    /// Position inside the interleaving block.
    pub slot: Option<u32>,
    /// Workload name, as in `transfer`.
    pub workload: String,
    /// Digest of the workload's text.
    pub workload_digest: String,
    /// Every parameter that changes the work.
    pub params: Params,
    /// `interpreter`, `vm`, `native`, `adaptive` or `fixed:N`.
    pub mode: String,
    /// `sharded`, `sequential` or `parallel`.
    pub executor: String,
    /// Threads of the process.
    pub threads: u32,
    /// Ordinal of the process inside its cell.
    pub process: u32,
    /// Thread inside the process; empty for a figure of the whole process.
    pub isolate: Option<u32>,
    /// Ordinal of the window, from 0 over warm-up and steady windows alike.
    pub window: Option<u32>,
    /// What the process was doing.
    pub phase: Phase,
    /// Nanoseconds since the process's first transaction; for a window, its end.
    pub at_ns: Option<u64>,
    /// A name of [`super::metrics`].
    pub metric: String,
    /// The value; empty when unknown or censored. Not finite is written as empty too.
    #[serde(serialize_with = "finite")]
    pub value: Option<f64>,
    /// Unit of `value`, of [`super::metrics::unit`].
    pub unit: String,
}

/// One row a cell: a workload with its parameters in one mode, executor and thread count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// Workload name.
    pub workload: String,
    /// Every parameter that changes the work.
    pub params: Params,
    /// `interpreter`, `vm`, `native`, `adaptive` or `fixed:N`.
    pub mode: String,
    /// `sharded`, `sequential` or `parallel`.
    pub executor: String,
    /// Threads of each process.
    pub threads: u32,
    /// Committed transactions per second, steady. Empty when the cell disagrees.
    #[serde(serialize_with = "finite")]
    pub tps: Option<f64>,
    /// Lower end of the 95% interval over processes.
    #[serde(serialize_with = "finite")]
    pub tps_low: Option<f64>,
    /// Upper end of the 95% interval over processes.
    #[serde(serialize_with = "finite")]
    pub tps_high: Option<f64>,
    /// Transactions per second of the first pass of a process.
    #[serde(serialize_with = "finite")]
    pub tps_first: Option<f64>,
    /// With root, store and signatures.
    #[serde(serialize_with = "finite")]
    pub tps_full: Option<f64>,
    /// Committed transactions over all processes.
    pub committed: Option<u64>,
    /// Reverted transactions over all processes.
    pub reverted: Option<u64>,
    /// Transactions out of gas over all processes.
    pub out_of_gas: Option<u64>,
    /// Aborted incarnations over all processes.
    pub aborted: Option<u64>,
    /// Median latency of sampled single transactions.
    pub p50_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
    /// 99.9th percentile.
    pub p999_ns: Option<u64>,
    /// What the clock cannot resolve.
    pub latency_floor_ns: Option<u64>,
    /// The verdict of most processes.
    pub warmup: Option<WarmupVerdict>,
    /// Seconds until steady state, median over steady processes.
    #[serde(serialize_with = "finite")]
    pub steady_after_s: Option<f64>,
    /// Processes that gave a figure.
    pub processes: u32,
    /// Of these, without steady state.
    pub unsteady: u32,
    /// CPU time a committed transaction.
    #[serde(serialize_with = "finite")]
    pub cpu_ns_per_tx: Option<f64>,
    /// State root time a committed transaction.
    #[serde(serialize_with = "finite")]
    pub root_ns_per_tx: Option<f64>,
    /// Store time a committed transaction.
    #[serde(serialize_with = "finite")]
    pub store_ns_per_tx: Option<f64>,
    /// Signature time a committed transaction.
    #[serde(serialize_with = "finite")]
    pub sig_ns_per_tx: Option<f64>,
    /// Gas a committed transaction.
    #[serde(serialize_with = "finite")]
    pub gas_per_tx: Option<f64>,
    /// Largest resident set over processes.
    pub peak_rss_kib: Option<u64>,
    /// Whether every process did the reference's work; empty when none was compared.
    pub agreed: Option<bool>,
    /// Fewest blocks or passes compared in a process.
    pub agreed_blocks: Option<u64>,
}

/// Whether a tier event is about a loop or an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum SiteKind {
    Loop,
    Action,
}

/// One decision of a tier policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TierRow {
    /// Id of the run.
    pub run: String,
    /// Workload name.
    pub workload: String,
    /// Every parameter that changes the work.
    pub params: Params,
    /// Mode of the cell.
    pub mode: String,
    /// Threads of the cell.
    pub threads: u32,
    /// Ordinal of the process inside its cell.
    pub process: u32,
    /// Thread inside the process.
    pub isolate: Option<u32>,
    /// Nanoseconds since the process's first transaction.
    pub at_ns: Option<u64>,
    /// `file:line:column` of the loop or action.
    pub site: String,
    /// Loop or action.
    pub kind: SiteKind,
    /// Iteration or call at which the decision fell.
    pub iteration: Option<u64>,
    /// Tier before.
    pub from: String,
    /// Tier after.
    pub to: String,
    /// Compile time.
    pub compile_ns: Option<u64>,
    /// Size of the code made.
    pub code_bytes: Option<u64>,
    /// Speed after over speed before, measured on the live loop.
    #[serde(serialize_with = "finite")]
    pub speedup: Option<f64>,
    /// Why, in a few words.
    pub reason: String,
}

/// Not finite is unknown, so it is written as an empty cell.
#[expect(clippy::ref_option, reason = "the signature serde calls")]
fn finite<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    value.filter(|v| v.is_finite()).serialize(to)
}

/// Parameters of a cell, sorted by name; their text is `k=v;k=v`.
///
/// `%`, `;`, `=`, and line ends inside a name or value are written as `%xx`, so that text and
/// value map onto each other one to one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a parameter, replacing an earlier value.
    pub fn set(&mut self, name: impl Into<String>, value: impl fmt::Display) -> &mut Self {
        self.0.insert(name.into(), value.to_string());
        self
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values in order of the name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<String>, V: fmt::Display> FromIterator<(K, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        Self(pairs.map(|(k, v)| (k.into(), v.to_string())).collect())
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            let semicolon = if i == 0 { "" } else { ";" };
            write!(f, "{semicolon}{}={}", Escaped(name), Escaped(value))?;
        }
        Ok(())
    }
}

struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '%' | ';' | '=' | '\n' | '\r' => write!(f, "%{:02x}", c as u32)?,
                _ => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let code = code.filter(u8::is_ascii).ok_or_else(|| format!("`{text}`: `%` needs two hex digits"))?;
        out.push(char::from(code));
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    Ok(out)
}

impl std::str::FromStr for Params {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut params = BTreeMap::new();
        for pair in text.split(';').filter(|pair| !pair.is_empty()) {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| format!("`{pair}` is not of the form name=value"))?;
            if params.insert(unescape(name)?, unescape(value)?).is_some() {
                return Err(format!("`{name}` is given twice"));
            }
        }
        Ok(Self(params))
    }
}

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A row type with its columns, in file order.
pub trait Record: Serialize + DeserializeOwned {
    /// Column names, in order.
    const COLUMNS: &'static [&'static str];
    /// The row's own schema, if it carries one.
    fn schema(&self) -> Option<u32> {
        None
    }
}

impl Record for SampleRow {
    const COLUMNS: &'static [&'static str] = &[
        "schema",
        "run",
        "arm",
        "block",
        "slot",
        "workload",
        "workload_digest",
        "params",
        "mode",
        "executor",
        "threads",
        "process",
        "isolate",
        "window",
        "phase",
        "at_ns",
        "metric",
        "value",
        "unit",
    ];
    fn schema(&self) -> Option<u32> {
        Some(self.schema)
    }
}

impl Record for SummaryRow {
    const COLUMNS: &'static [&'static str] = &[
        "workload",
        "params",
        "mode",
        "executor",
        "threads",
        "tps",
        "tps_low",
        "tps_high",
        "tps_first",
        "tps_full",
        "committed",
        "reverted",
        "out_of_gas",
        "aborted",
        "p50_ns",
        "p99_ns",
        "p999_ns",
        "latency_floor_ns",
        "warmup",
        "steady_after_s",
        "processes",
        "unsteady",
        "cpu_ns_per_tx",
        "root_ns_per_tx",
        "store_ns_per_tx",
        "sig_ns_per_tx",
        "gas_per_tx",
        "peak_rss_kib",
        "agreed",
        "agreed_blocks",
    ];
}

impl Record for TierRow {
    const COLUMNS: &'static [&'static str] = &[
        "run",
        "workload",
        "params",
        "mode",
        "threads",
        "process",
        "isolate",
        "at_ns",
        "site",
        "kind",
        "iteration",
        "from",
        "to",
        "compile_ns",
        "code_bytes",
        "speedup",
        "reason",
    ];
}

/// Why a result file cannot be used.
#[derive(Debug)]
pub enum RecordError {
    /// The operating system said no.
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        cause: io::Error,
    },
    /// Not a file of this kind: the header has other columns.
    Foreign {
        /// The file.
        path: PathBuf,
        /// The first column that differs: what the contract has there, and what the file has.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A file of this kind, written under another column contract.
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// What the file says of itself.
        found: String,
    },
    /// A whole line that is not a row.
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: u64,
        /// What is wrong with it.
        cause: String,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Foreign { path, expected, found } => write!(
                f,
                "{}: not a zx-bench file of this kind: column `{expected}` expected, `{found}` found",
                path.display()
            ),
            Self::OtherSchema { path, found } => write!(
                f,
                "{}: written with schema {found}, this build reads schema {SCHEMA}: \
                 use the zx-bench that wrote it, or measure again",
                path.display()
            ),
            Self::Malformed { path, line, cause } => {
                write!(f, "{}:{line}: not a row: {cause}", path.display())
            }
        }
    }
}

impl std::error::Error for RecordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { cause, .. } => Some(cause),
            Self::Foreign { .. } | Self::OtherSchema { .. } | Self::Malformed { .. } => None,
        }
    }
}

/// Something the reader should be told, that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(pub String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Rows of a file, and what was odd about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows<T> {
    /// The whole rows, in file order.
    pub rows: Vec<T>,
    /// The half line a killed run left, if any.
    pub warnings: Vec<Warning>,
}

/// Appends rows to a file; each is on its way to the disk when `write` returns.
#[derive(Debug)]
pub struct RowWriter<T> {
    path: PathBuf,
    to: csv::Writer<File>,
    row: PhantomData<fn(&T)>,
}

impl<T: Record> RowWriter<T> {
    /// Starts a file anew: an existing one is replaced.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, RecordError> {
        let path = path.into();
        let file = File::create(&path).map_err(|cause| io_error(&path, cause))?;
        let mut writer = Self::over(path, file);
        writer.put(|to| to.write_record(T::COLUMNS))?;
        Ok(writer)
    }

    /// Goes on with a file, or starts it. The rows it already holds are checked and returned; a
    /// half line at its end is cut off first, so that the next row starts on a line of its own.
    pub fn resume(path: impl Into<PathBuf>) -> Result<(Self, Rows<T>), RecordError> {
        let path = path.into();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(io_error(&path, cause)),
        };
        let whole = whole_lines(&bytes);
        let mut rows = parse(&path, &bytes)?;
        if whole == 0 {
            rows.warnings.clear();
            return Ok((Self::create(path)?, rows));
        }
        let open = || {
            let file = OpenOptions::new().append(true).open(&path)?;
            file.set_len(whole as u64)?;
            Ok(file)
        };
        let file = open().map_err(|cause| io_error(&path, cause))?;
        Ok((Self::over(path, file), rows))
    }

    /// Writes one row and flushes it.
    pub fn write(&mut self, row: &T) -> Result<(), RecordError> {
        self.put(|to| to.serialize(row))
    }

    /// Writes rows and flushes once: for the windows of a process that has ended.
    pub fn write_all<'a>(&mut self, rows: impl IntoIterator<Item = &'a T>) -> Result<(), RecordError>
    where
        T: 'a,
    {
        self.put(|to| rows.into_iter().try_for_each(|row| to.serialize(row)))
    }

    fn over(path: PathBuf, file: File) -> Self {
        let to = csv::WriterBuilder::new().has_headers(false).from_writer(file);
        Self { path, to, row: PhantomData }
    }

    fn put(&mut self, what: impl FnOnce(&mut csv::Writer<File>) -> csv::Result<()>) -> Result<(), RecordError> {
        let done = what(&mut self.to).map_err(io::Error::from).and_then(|()| self.to.flush());
        done.map_err(|cause| io_error(&self.path, cause))
    }
}

/// Reads a file of rows. A half line at its end is dropped with a warning; anything else that is
/// not a row of this schema is an error.
pub fn read_rows<T: Record>(path: impl AsRef<Path>) -> Result<Rows<T>, RecordError> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|cause| io_error(path, cause))?;
    parse(path, &bytes)
}

fn io_error(path: &Path, cause: io::Error) -> RecordError {
    RecordError::Io { path: path.to_owned(), cause }
}

/// Length of the part that ends with the last line end outside quotes.
fn whole_lines(bytes: &[u8]) -> usize {
    let mut quoted = false;
    let mut whole = 0;
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => whole = i + 1,
            _ => {}
        }
    }
    whole
}

fn parse<T: Record>(path: &Path, bytes: &[u8]) -> Result<Rows<T>, RecordError> {
    let whole = whole_lines(bytes);
    let mut warnings = Vec::new();
    if whole == 0 {
        // Killed before the header was out; a foreign file of one line is told apart below.
        let half = String::from_utf8_lossy(bytes);
        if !T::COLUMNS.join(",").starts_with(&*half) {
            check_header::<T>(path, half.lines().next().unwrap_or_default().split(','))?;
        }
        warnings.push(Warning(format!("{}: empty: the run was killed before its first row", path.display())));
        return Ok(Rows { rows: Vec::new(), warnings });
    }
    let malformed = |e: &csv::Error| RecordError::Malformed {
        path: path.to_owned(),
        line: e.position().map_or(0, csv::Position::line),
        cause: e.to_string(),
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(&bytes[..whole]);
    let header = reader.headers().map_err(|e| malformed(&e))?;
    check_header::<T>(path, header.iter())?;
    let mut rows = Vec::new();
    for row in reader.deserialize::<T>() {
        let row = row.map_err(|e| malformed(&e))?;
        if let Some(found) = row.schema().filter(|&found| found != SCHEMA) {
            return Err(RecordError::OtherSchema { path: path.to_owned(), found: found.to_string() });
        }
        rows.push(row);
    }
    if whole < bytes.len() {
        warnings.push(Warning(format!(
            "{}: the last line is cut short (a killed run); it is left out, {} rows are kept",
            path.display(),
            rows.len()
        )));
    }
    Ok(Rows { rows, warnings })
}

fn check_header<'a, T: Record>(path: &Path, mut header: impl Iterator<Item = &'a str>) -> Result<(), RecordError> {
    for &expected in T::COLUMNS {
        let found = header.next().unwrap_or("(nothing)");
        if found != expected {
            let (expected, found) = (expected.to_owned(), found.chars().take(40).collect());
            return Err(RecordError::Foreign { path: path.to_owned(), expected, found });
        }
    }
    match header.next() {
        None => Ok(()),
        Some(extra) => Err(RecordError::OtherSchema {
            path: path.to_owned(),
            found: format!("newer than {SCHEMA} (it has a column `{extra}`)"),
        }),
    }
}

#[cfg(test)]
mod tests;

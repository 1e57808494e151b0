//! A trace in a run: recorded before it, or replayed by it.
//!
//! A run that records executes what it recorded, so that it and every replay do the same blocks. A trace fixes all
//! parameters that change the stream; a replay takes them from it and refuses others.

use std::path::{Path, PathBuf};

use super::outcome::Stop;
use super::parameters::{Overrides, Parameters};
use super::trace::{self, Header, Reader};
use super::workload::{Form, Workload};

/// Transactions of a recorded trace, unless `--blocks` says how many blocks.
const RECORDED: u64 = 1_000_000;

/// What a user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceUse {
    /// `--record FILE`
    Record(PathBuf),
    /// `--replay FILE`
    Replay(PathBuf),
}

/// The parameters of a run that records or replays.
pub fn parameters(workload: &Workload, given: &Overrides, asked: &TraceUse) -> Result<Parameters, Stop> {
    if workload.form == Form::Script {
        return Err(Stop::usage(format!(
            "{}: a trace holds blocks, and this is a script: --record and --replay are for block workloads",
            workload.path.display()
        )));
    }
    match asked {
        TraceUse::Record(path) => {
            let mut parameters = Parameters::resolve(workload, given)?;
            parameters.blocks = parameters.blocks.or(Some((RECORDED / parameters.block).max(1)));
            parameters.trace = Some(path.clone());
            parameters.records = true;
            Ok(parameters)
        }
        TraceUse::Replay(path) => {
            let reader = Reader::open(path).map_err(Stop::usage)?;
            replayed(workload, given, path, reader.header())
        }
    }
}

fn replayed(workload: &Workload, given: &Overrides, path: &Path, header: &Header) -> Result<Parameters, Stop> {
    let shown = path.display();
    if header.workload_digest != workload.digest {
        let what = if header.workload == workload.name {
            format!("from another version of `{}` (its text or what it imports was changed)", workload.name)
        } else {
            format!("from the workload `{}`, this is `{}`", header.workload, workload.name)
        };
        return Err(Stop::usage(format!("the trace {shown} was recorded {what}: record it anew")));
    }
    let recorded = header.params.split(';').map(str::to_owned);
    let merged = Overrides { own: recorded.chain(given.own.iter().cloned()).collect(), ..given.clone() };
    let mut parameters = Parameters::resolve(workload, &merged)?;
    let ours = parameters.stream_params();
    if ours != header.params {
        let theirs: Vec<&str> = header.params.split(';').collect();
        let differs = ours.split(';').find(|pair| !theirs.contains(pair)).unwrap_or(&ours).to_owned();
        return Err(Stop::usage(format!(
            "the trace {shown} was recorded with {}, this run asks for {differs}: leave that out, or record it anew",
            header.params
        )));
    }
    match parameters.blocks {
        Some(blocks) if blocks > header.blocks => {
            return Err(Stop::usage(format!("--blocks {blocks}: the trace {shown} has {} blocks", header.blocks)));
        }
        blocks => parameters.blocks = blocks.or(Some(header.blocks)),
    }
    parameters.trace = Some(path.to_owned());
    Ok(parameters)
}

/// What the trace of these parameters says about itself.
pub fn header(workload: &str, digest: &str, parameters: &Parameters) -> Header {
    Header {
        workload: workload.to_owned(),
        workload_digest: digest.to_owned(),
        params: parameters.stream_params(),
        blocks: parameters.blocks.unwrap_or(1),
        block: parameters.block,
    }
}

/// Reads the whole trace of a run, before anything is measured; its digest.
pub fn checked(path: &Path) -> Result<String, Stop> {
    let (_, link) = trace::check(path).map_err(Stop::usage)?;
    Ok(super::chain::hex(&link))
}

//! Making machine code on a thread of its own, while the program goes on in the VM. What a unit consists of is decided
//! where the program stands; only Cranelift's part, nine tenths of the time, is done here.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use cranelift_codegen::isa::OwnedTargetIsa;

use super::memory::Code;
use super::unit::Draft;

/// Host stack of the thread.
const STACK: usize = 8 << 20;

/// The thread, which ends when this is dropped and nothing is left to do.
#[derive(Debug)]
pub(super) struct Background {
    jobs: Sender<Job>,
}

struct Job {
    context: cranelift_codegen::Context,
    isa: OwnedTargetIsa,
    done: Sender<Result<Code, String>>,
}

/// A unit whose machine code is being made.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) draft: Draft,
    done: Receiver<Result<Code, String>>,
}

impl Background {
    /// Starts the thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let (jobs, orders) = channel::<Job>();
        let work = move || {
            for mut job in orders {
                // Where nobody waits any more, what was made is freed.
                let _ = job.done.send(Code::make(&job.isa, &mut job.context));
            }
        };
        std::thread::Builder::new().name("native-code".to_owned()).stack_size(STACK).spawn(work)?;
        Ok(Self { jobs })
    }

    /// Has the function in a context compiled.
    pub(super) fn make(&self, draft: Draft, context: cranelift_codegen::Context, isa: &OwnedTargetIsa) -> Pending {
        let (done, receiver) = channel();
        // The thread is gone only if it has panicked: then nothing comes, and `take` says so.
        let _ = self.jobs.send(Job { context, isa: isa.clone(), done });
        Pending { draft, done: receiver }
    }
}

impl Pending {
    /// What came of it, if it is ready.
    pub(super) fn ready(&self) -> Option<Result<Code, String>> {
        match self.done.try_recv() {
            Ok(code) => Some(code),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err("the thread that makes code has ended".to_owned())),
        }
    }
}

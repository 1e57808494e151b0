//! What a run learnt about its sites, as plain data that may outlive the process. It is a hint: whatever it says, a
//! program does the same, and whoever reads one believes no number in it further than its bounds.

use serde::{Deserialize, Serialize};

use super::info::{ActionId, LoopId};
use super::tier::{Site, Step};

/// What a run learnt about its sites.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TierProfile {
    /// In no order that matters.
    pub sites: Vec<SiteProfile>,
}

/// What a run learnt about one step at one site.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteProfile {
    /// Whether the site is an action; else a loop.
    pub action: bool,
    /// The number of the loop or action.
    pub index: u32,
    /// 0: into the VM; 1: into native code.
    pub step: u8,
    /// Iterations or calls after which compiling would have been repaid; none: never, or not measured.
    pub break_even: Option<u64>,
    /// Time for the same gas below by time above, if measured.
    pub speedup: Option<f64>,
    /// What compiling took, nanoseconds; if it never did, what it was expected to take.
    pub compile_ns: u64,
    /// What the move saves in a run like that one if it is made at once, nanoseconds, as far as it was seen; half of
    /// what was expected, where nothing was.
    pub saved_ns: u64,
}

impl SiteProfile {
    /// The site, and the step that it is about; none where there is no such step.
    pub fn key(&self) -> Option<(Step, Site)> {
        let step = match self.step {
            0 => Step::ToVm,
            1 => Step::ToNative,
            _ => return None,
        };
        let site = if self.action { Site::Action(ActionId(self.index)) } else { Site::Loop(LoopId(self.index)) };
        Some((step, site))
    }

    /// Whether the move pays in a run like the one that this is from.
    pub fn paid(&self) -> bool {
        self.saved_ns > self.compile_ns && self.speedup.is_none_or(|speedup| speedup > 1.0)
    }
}

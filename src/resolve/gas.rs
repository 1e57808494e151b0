//! Cuts an action into gas blocks. Costs go to the current block in the order of evaluation; a construct that may
//! not run, and everything that can observe gas or stop, opens a new one.
//!
//! After a construct with arms the block before it goes on, as long as no arm that reaches the end contains a cut.
//! After a cut in an arm of an *expression* there is no place to charge a new block, so the block before the
//! expression goes on all the same: what follows is charged with it, a little early, the same in every tier.

use crate::resolve::hir::{GasBlock, GasId};
use crate::syntax::ast::Span;

/// The blocks of one action while it is being lowered.
#[derive(Debug, Default)]
pub(super) struct GasBuilder {
    blocks: Vec<GasBlock>,
    current: usize,
    cuts: u32,
}

impl GasBuilder {
    /// Begins a block that is charged on entry to a construct.
    pub(super) fn open(&mut self, span: Span) -> GasId {
        self.current = self.blocks.len();
        self.blocks.push(GasBlock { cost: 0, span });
        GasId(self.current as u32)
    }

    /// Ends the current block at a cut and begins the next.
    pub(super) fn cut(&mut self, span: Span) -> GasId {
        self.cuts += 1;
        self.open(span)
    }

    /// Adds a node's cost to the current block.
    pub(super) fn charge(&mut self, cost: u32) {
        let block = &mut self.blocks[self.current];
        block.cost = block.cost.saturating_add(cost);
    }

    /// The current block, to go on with later.
    pub(super) fn current(&self) -> GasId {
        GasId(self.current as u32)
    }

    /// Goes on with an earlier block.
    pub(super) fn resume(&mut self, block: GasId) {
        self.current = block.0 as usize;
    }

    /// How many cuts there were: compare two readings to see whether the text between them contains one.
    pub(super) fn cuts(&self) -> u32 {
        self.cuts
    }

    /// All blocks.
    pub(super) fn finish(self) -> Vec<GasBlock> {
        self.blocks
    }
}

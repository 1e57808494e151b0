//! Having the machine execute an instruction, or a helper a call: everything live is written before, and what either may
//! have changed is no longer known after.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value as Ssa, types};

use super::effects::{leaves_registers_alone, may_run_code};
use super::liveness::{sets_a, touched, uses_up_from};
use super::lower::{Home, Lowerer};
use super::preserve::Rare;
use super::state::Loc;

impl Lowerer<'_, '_> {
    /// Calls the machine for the instruction; gives where it goes on. Everything was written before.
    pub(super) fn call_step(&mut self, position: u32) -> Ssa {
        let at = self.b.ins().iconst(types::I32, i64::from(position));
        let context = self.context;
        let next = self.call(
            super::context::step as *const () as usize,
            &[types::I64, types::I32],
            types::I64,
            &[context, at],
        );
        self.reload_gas();
        next
    }

    /// The same where that happens rarely.
    pub(super) fn call_step_rarely(&mut self, position: u32) -> Ssa {
        if self.stub(Rare::Step).is_none() {
            return self.call_step(position);
        }
        let at = self.int_const(i64::from(position));
        let next = self.call_rarely(Rare::Step, &[at]);
        self.reload_gas();
        next
    }

    /// Has the machine execute the instruction, which is no branch.
    pub(super) fn step(&mut self, position: u32) {
        self.out.stepped.push(position);
        self.flush_for_step(position);
        let went = self.call_step(position);
        let next = position + self.plan.code.instrs[position as usize].op.words() as u32;
        self.went_to(went, next);
        self.forget(position);
    }

    /// Ends with a status; the gas is in memory.
    pub(super) fn give(&mut self, status: Ssa) {
        let end = match self.end {
            Some(end) => end,
            None => {
                let end = self.b.create_block();
                self.b.append_block_param(end, types::I64);
                end
            }
        };
        self.end = Some(end);
        self.b.ins().jump(end, &[status.into()]);
    }

    /// The one place where all that end so return.
    pub(super) fn give_all(&mut self) {
        let Some(end) = self.end else { return };
        self.b.set_cold_block(end);
        self.go_on_in(end);
        let (status, none) = (self.b.block_params(end)[0], self.int_const(-1));
        self.b.ins().return_(&[status, none]);
    }

    /// Goes on here if the machine went on at `next`; else leaves as it says.
    pub(super) fn went_to(&mut self, went: Ssa, next: u32) {
        let (go_on, other) = (self.b.create_block(), self.b.create_block());
        let same = self.b.ins().icmp_imm_s(IntCC::Equal, went, i64::from(next));
        self.b.ins().brif(same, go_on, &[], other, &[]);
        self.b.set_cold_block(other);
        self.go_on_in(other);
        self.give(went);
        self.go_on_in(go_on);
    }

    /// Has a helper execute the instruction, a call, whose result is then in the context.
    pub(super) fn step_by(&mut self, position: u32, helper: usize) {
        self.flush_for_step(position);
        let at = self.b.ins().iconst(types::I32, i64::from(position));
        let context = self.context;
        let went = self.call(helper, &[types::I64, types::I32], types::I64, &[context, at]);
        self.reload_gas();
        let next = position + self.plan.code.instrs[position as usize].op.words() as u32;
        self.went_to(went, next);
        self.forget(position);
    }

    /// Has the machine execute a branch.
    pub(super) fn step_branch(&mut self, position: u32, next: u32, target: u32) {
        self.out.stepped.push(position);
        self.flush_for_step(position);
        let went = self.call_step(position);
        self.forget(position);
        if next != target {
            let (jumps, falls) = (self.edge(target), self.b.create_block());
            let jumped = self.b.ins().icmp_imm_s(IntCC::Equal, went, i64::from(target));
            self.b.ins().brif(jumped, jumps, &[], falls, &[]);
            self.go_on_in(falls);
        }
        self.went_to(went, next);
        let edge = self.edge(next);
        self.b.ins().jump(edge, &[]);
        self.ended = true;
    }

    /// In a cold block: has the machine execute the instruction and goes on in `join`. What is held stays so.
    pub(super) fn step_aside(&mut self, position: u32, next: u32, join: Block) {
        self.flush(position);
        let went = self.call_step_rarely(position);
        self.went_to(went, next);
        self.b.ins().jump(join, &[]);
    }

    /// What the machine may have changed by executing an instruction is no longer known.
    pub(super) fn forget(&mut self, position: u32) {
        let instr = self.plan.code.instrs[position as usize];
        if sets_a(instr.op) {
            self.state.set(usize::from(instr.a), Loc::Home);
        }
        let mut changed = Vec::new();
        if !leaves_registers_alone(instr.op) {
            touched(self.plan.code, position, |register| changed.push(register));
        }
        if let Some(from) = uses_up_from(self.plan.code, position) {
            changed.extend(from..self.plan.code.frame_size);
        }
        for register in changed {
            self.state.set(usize::from(register), Loc::Home);
        }
        if may_run_code(instr.op) {
            for place in 0..self.homes.len() {
                if !matches!(self.homes[place], Home::Register(_)) {
                    self.state.set(place, Loc::Home);
                }
            }
        }
        if self.plan.bug != Some(super::NativeBug::StaleFind) {
            self.state.finds.clear();
        }
    }
}

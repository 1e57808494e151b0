//! Code as text, one instruction a line.

use std::fmt::Write;

use super::Code;
use super::op::{Extension, NO_REGISTER, Operand};
use crate::runtime::info::ProgramInfo;

impl Code {
    /// The code as text.
    pub fn disassemble(&self, info: &ProgramInfo) -> String {
        let shape = info.action(self.action);
        let name = shape.name.map_or("lambda", |name| info.name(name));
        let mut out = String::new();
        let _ =
            writeln!(out, "action {} {name}: {} slots, {} fixed", self.action.0, self.frame_size, shape.fixed_slots);
        let mut at = 0;
        while at < self.instrs.len() {
            for (id, _) in self.loop_entries.iter().filter(|(_, entry)| *entry as usize == at) {
                let _ = writeln!(out, "loop {}:", id.0);
            }
            let _ = writeln!(out, "{at:5}  {}", self.line(at));
            at += self.instrs[at].op.words();
        }
        for handler in &self.handlers {
            let _ = writeln!(out, "errors in {}..{} go to {}", handler.from, handler.to, handler.target);
        }
        out
    }

    fn line(&self, at: usize) -> String {
        let instr = self.instrs[at];
        let shape = instr.op.shape();
        let mut line = format!("{:<20}", shape.name);
        for (kind, field) in [(shape.a, instr.a), (shape.b, instr.b), (shape.c, instr.c)] {
            self.operand(at as u32, kind, field, &mut line);
        }
        if shape.extension != Extension::None {
            let word = self.instrs[at + 1];
            let _ = match shape.extension {
                Extension::Jump => write!(line, " -> {}", word.target(at as u32)),
                Extension::Const => write!(line, " {:?}", self.constants[word.number() as usize]),
                _ => write!(line, " #{}", word.number()),
            };
        }
        if instr.x != 0 {
            line.push_str(" fresh");
        }
        line
    }

    fn operand(&self, at: u32, kind: Operand, field: u16, line: &mut String) {
        let instr = self.instrs[at as usize];
        let _ = match kind {
            Operand::None => Ok(()),
            Operand::MaybeReg if field == NO_REGISTER => write!(line, " -"),
            Operand::Reg
            | Operand::Run
            | Operand::CalleeRun
            | Operand::PairRun
            | Operand::Two
            | Operand::Three
            | Operand::MaybeReg => write!(line, " r{field}"),
            Operand::Imm => write!(line, " {}", field as i16),
            Operand::Number => write!(line, " {field}"),
            Operand::Const => write!(line, " {:?}", self.constants[usize::from(field)]),
            Operand::WideInt => write!(line, " {}", instr.number() as i32),
            Operand::WideCost | Operand::WideNumber | Operand::WideClosure => write!(line, " {}", instr.number()),
            Operand::WideConst => write!(line, " {:?}", self.constants[instr.number() as usize]),
            Operand::WideJump => write!(line, " -> {}", instr.target(at)),
        };
    }
}

//! `match`: its arms are tried in order.

use super::{Flow, Walker};
use crate::resolve::hir::{Alternative, Match, MatchArm, Step};
use crate::runtime::Unwind;
use crate::syntax::ast::Span;

impl<'a> Walker<'a> {
    pub(super) fn matching(&mut self, matching: &'a Match) -> Flow {
        for arm in &matching.arms {
            match self.applies(arm) {
                Ok(true) => return self.block(&arm.body),
                Ok(false) => {}
                Err(flow) => return flow,
            }
        }
        matching.no_match.map_or(Flow::Normal, |span| self.no_match(matching, span))
    }

    #[cold]
    fn no_match(&mut self, matching: &Match, span: Span) -> Flow {
        let value = self.isolate.slots[self.base + matching.subject.0 as usize];
        let result: Result<(), Unwind> = self.isolate.no_match(value);
        Self::flow(self.located(result, span))
    }

    /// Whether one of the arm's patterns matches and its guard holds; or how a step ended that was not to end so.
    fn applies(&mut self, arm: &'a MatchArm) -> Result<bool, Flow> {
        if !self.any_matches(&arm.patterns)? {
            return Ok(false);
        }
        match &arm.guard {
            None => Ok(true),
            Some((gas, steps)) => {
                self.charge(*gas).map_err(|Unwind| Flow::Unwind)?;
                self.all_hold(steps)
            }
        }
    }

    fn any_matches(&mut self, patterns: &'a [Alternative]) -> Result<bool, Flow> {
        for Alternative { gas, steps } in patterns {
            if let Some(gas) = gas {
                self.charge(*gas).map_err(|Unwind| Flow::Unwind)?;
            }
            if self.all_hold(steps)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn all_hold(&mut self, steps: &'a [Step]) -> Result<bool, Flow> {
        for step in steps {
            match step {
                Step::Do(stmt) => match self.statements(std::slice::from_ref(stmt)) {
                    Flow::Normal => {}
                    flow => return Err(flow),
                },
                Step::Test(test) => {
                    if !self.test(test).map_err(|Unwind| Flow::Unwind)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

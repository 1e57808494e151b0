//! Modes as a user writes them.

use crate::engine::Mode;

use super::suggest::did_you_mean;

/// The modes that exist now, in the order in which tables and default plans name them.
pub const DEFAULT_MODES: [Mode; 3] = [Mode::Interpreter, Mode::Vm, Mode::Adaptive];

/// Iterations after which `adaptive` hands over, unless the workload says otherwise.
pub const DEFAULT_THRESHOLD: u64 = 500;

/// The text of a mode, as in the `mode` column.
pub fn mode_text(mode: Mode) -> String {
    match mode {
        Mode::Interpreter => "interpreter".into(),
        Mode::Vm => "vm".into(),
        Mode::Native => "native".into(),
        Mode::Adaptive => "adaptive".into(),
        Mode::Fixed(iterations) => format!("fixed:{iterations}"),
        Mode::Chaos(seed) => format!("chaos:{seed}"),
    }
}

/// Reads a mode.
pub fn parse_mode(text: &str) -> Result<Mode, String> {
    match text {
        "interpreter" => Ok(Mode::Interpreter),
        "vm" => Ok(Mode::Vm),
        "native" => Ok(Mode::Native),
        "adaptive" => Ok(Mode::Adaptive),
        _ => match text.split_once(':') {
            Some(("fixed", count)) => count
                .parse()
                .map(Mode::Fixed)
                .map_err(|_| format!("mode `{text}`: N in fixed:N is a number of iterations, as in fixed:100")),
            Some(("chaos", seed)) => seed
                .parse()
                .map(Mode::Chaos)
                .map_err(|_| format!("mode `{text}`: S in chaos:S is a seed, as in chaos:1")),
            _ => Err(format!(
                "unknown mode `{text}`{}: the modes are interpreter, vm, native, adaptive and fixed:N",
                did_you_mean(text, ["interpreter", "vm", "native", "adaptive", "fixed:100"])
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_round_trip() {
        for mode in [Mode::Interpreter, Mode::Vm, Mode::Native, Mode::Adaptive, Mode::Fixed(7), Mode::Chaos(3)] {
            assert_eq!(parse_mode(&mode_text(mode)), Ok(mode));
        }
    }

    #[test]
    fn unknown_modes_say_what_is_right() {
        let said = |text| parse_mode(text).expect_err("refused");
        assert!(said("adpative").contains("did you mean `adaptive`?"));
        assert!(said("fixed:x").contains("fixed:100"));
        assert!(said("natvie").contains("did you mean `native`?"));
        assert!(said("").contains("unknown mode"));
    }
}

//! Test results as XML in `JUnit`'s form, which CI servers read.

use std::fmt::Write as _;

/// The tests of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct JunitSuite {
    /// The file.
    pub name: String,
    /// Its tests, in order.
    pub cases: Vec<JunitCase>,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct JunitCase {
    /// Its name.
    pub name: String,
    /// Time it took, seconds.
    pub seconds: f64,
    /// The message and the whole text of a failure.
    pub failure: Option<(String, String)>,
    /// What it printed.
    pub output: String,
}

/// The document.
pub fn junit(suites: &[JunitSuite]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    let _ = writeln!(text, "<testsuites {}>", totals(all()));
    for suite in suites {
        let _ = writeln!(text, "  <testsuite name=\"{}\" {}>", escape(&suite.name), totals(suite.cases.iter()));
        for case in &suite.cases {
            write_case(&mut text, &suite.name, case);
        }
        text.push_str("  </testsuite>\n");
    }
    text + "</testsuites>\n"
}

fn totals<'a>(cases: impl Iterator<Item = &'a JunitCase>) -> String {
    let (mut tests, mut failures, mut seconds) = (0, 0, 0.0);
    for case in cases {
        tests += 1;
        failures += usize::from(case.failure.is_some());
        seconds += case.seconds;
    }
    format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" time=\"{seconds:.6}\"")
}

fn write_case(text: &mut String, suite: &str, case: &JunitCase) {
    let (name, suite) = (escape(&case.name), escape(suite));
    let _ = write!(text, "    <testcase name=\"{name}\" classname=\"{suite}\" time=\"{:.6}\"", case.seconds);
    if case.failure.is_none() && case.output.is_empty() {
        text.push_str("/>\n");
        return;
    }
    text.push_str(">\n");
    if let Some((message, whole)) = &case.failure {
        let _ = writeln!(text, "      <failure message=\"{}\">{}</failure>", escape(message), escape(whole));
    }
    if !case.output.is_empty() {
        let _ = writeln!(text, "      <system-out>{}</system-out>", escape(&case.output));
    }
    text.push_str("    </testcase>\n");
}

/// Text that stands for itself in an element or attribute. XML 1.0 has no way to write most control characters.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // An attribute's line breaks and tabs would become blanks.
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document() {
        let case = |name: &str, failure: Option<(&str, &str)>, output: &str| JunitCase {
            name: name.into(),
            seconds: 0.25,
            failure: failure.map(|(message, whole)| (message.into(), whole.into())),
            output: output.into(),
        };
        let cases = vec![case("test_a", None, ""), case("test_b", Some(("a < b & \"c\"", "x\ny\u{1b}")), "]]>")];
        let text = junit(&[JunitSuite { name: "t.zx".into(), cases }]);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<testsuites tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.500000\">
  <testsuite name=\"t.zx\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.500000\">
    <testcase name=\"test_a\" classname=\"t.zx\" time=\"0.250000\"/>
    <testcase name=\"test_b\" classname=\"t.zx\" time=\"0.250000\">
      <failure message=\"a &lt; b &amp; &quot;c&quot;\">x&#10;y\u{fffd}</failure>
      <system-out>]]&gt;</system-out>
    </testcase>
  </testsuite>
</testsuites>
";
        assert_eq!(text, expected);
    }
}

//! Tests of the lexer: tokens by table, brackets and their partners.

use super::*;

fn kinds(source: &str) -> Vec<Kind> {
    lex(source, 0, &mut Interner::new()).tokens.iter().map(|token| token.kind).collect()
}

#[test]
fn numbers() {
    use Kind::{Bad, Dot, DotDot, End, Float, Int, Name, Plus};
    let table: &[(&str, &[Kind])] = &[
        ("1 0x1f 1.5 5. 1e3 1.5e-2 5.e", &[Int, Int, Float, Float, Float, Float, Int, Dot, Name, End]),
        ("1..5", &[Int, DotDot, Int, End]),
        ("5.x", &[Int, Dot, Name, End]),
        ("5.+1", &[Float, Plus, Int, End]),
        ("1e", &[Bad, End]),
        ("1e+", &[Bad, Plus, End]),
        ("3x 0xg", &[Bad, Bad, End]),
    ];
    for (source, expected) in table {
        assert_eq!(kinds(source), *expected, "{source}");
    }
}

#[test]
fn operators_and_words() {
    use Kind::*;
    let source =
        "+ - * / % ** == != < > <= >= && || ! ?? ?. ? : = += -= *= /= %= **= => -> . .. ... << >> & | ^ ~ , ; if each";
    let expected = [
        Plus,
        Minus,
        Star,
        Slash,
        Percent,
        Power,
        Equal,
        NotEqual,
        Less,
        Greater,
        LessEqual,
        GreaterEqual,
        AndAnd,
        OrOr,
        Bang,
        Coalesce,
        QuestionDot,
        Question,
        Colon,
        Assign,
        PlusAssign,
        MinusAssign,
        StarAssign,
        SlashAssign,
        PercentAssign,
        PowerAssign,
        FatArrow,
        ThinArrow,
        Dot,
        DotDot,
        Ellipsis,
        ShiftLeft,
        ShiftRight,
        Ampersand,
        Pipe,
        Caret,
        Tilde,
        Comma,
        Semicolon,
        Reserved,
        Name,
        End,
    ];
    assert_eq!(kinds(source), expected);
}

#[test]
fn strings() {
    use Kind::*;
    let table: &[(&str, &[Kind])] = &[
        (r#""a" 'b' b"c" """d"e""" b"#, &[Str, Str, Bytes, TripleStr, Name, End]),
        (r#""${a}""#, &[TemplateOpen, TemplateExprOpen, Name, TemplateExprClose, TemplateClose, End]),
        (
            r#""x${{}}y""#,
            &[
                TemplateOpen,
                TemplateText,
                TemplateExprOpen,
                LBrace,
                RBrace,
                TemplateExprClose,
                TemplateText,
                TemplateClose,
                End,
            ],
        ),
        (r#""a\${b}\"" ''"#, &[Str, Str, End]),
    ];
    for (source, expected) in table {
        assert_eq!(kinds(source), *expected, "{source}");
    }
}

#[test]
fn brackets_know_their_partners() {
    let pairs = |source: &str| -> Vec<u32> {
        lex(source, 0, &mut Interner::new()).tokens.iter().map(|token| token.value).collect()
    };
    assert_eq!(pairs("([])"), [3, 2, 1, 0, NONE]);
    assert_eq!(pairs("({)}"), [NONE, 3, NONE, 1, NONE]);
    assert_eq!(pairs("([)"), [2, NONE, 0, NONE]);
}

#[test]
fn tokens_are_small() {
    assert_eq!(size_of::<Token>(), 16);
}

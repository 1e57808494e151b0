//! `zx-run --state`: what is kept between runs, what is not, and files that cannot be used.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod command;

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use command::Place;
use rand::{Rng, SeedableRng};

/// A scratch folder with `main.zx`.
fn place(text: &str) -> Place {
    let place = Place::new();
    place.file("main.zx", text);
    place
}

#[track_caller]
fn says(place: &Place, out: &str) {
    let said = place.run(&["--state", "s.zxstate", "main.zx"]);
    assert_eq!((said.status, said.out.as_str()), (Some(0), out), "{said:?}");
}

#[track_caller]
fn fails(place: &Place, status: i32, fragment: &str) {
    let said = place.run(&["--state", "s.zxstate", "main.zx"]);
    assert!(said.status == Some(status) && said.err.contains(fragment), "{said:?}");
}

#[test]
fn persistent_fields_go_on_and_others_begin_anew() {
    let place = place(
        "contract Counter {\n persistent storage count: Int = start()\n data plain = 0\n\
         action up() { count = count + 1\n plain = plain + 1\n return [count, plain] }\n}\n\
         action start() { print(\"first\")\n return 40 }\n\
         let a = Counter()\nlet b = Counter()\na.up()\nprint(a.up(), b.up())\n",
    );
    says(&place, "first\nfirst\n[42, 2] [41, 1]\n");
    says(&place, "[44, 2] [42, 1]\n");
    says(&place, "[46, 2] [43, 1]\n");
    let without = place.run(&["main.zx"]);
    assert_eq!(without.out, "first\nfirst\n[42, 2] [41, 1]\n", "without --state nothing is kept");
    // A run that makes fewer instances leaves the others as they are, and the compiled program knows nothing of state.
    let text = fs::read_to_string(place.folder.path().join("main.zx")).unwrap();
    place.file("main.zx", text.replace("let b = Counter()", "").replace(", b.up()", ""));
    says(&place, "[48, 2]\n");
    place.file("main.zx", text);
    says(&place, "[50, 2] [44, 1]\n");
}

#[test]
fn every_kind_of_value_comes_back_as_it_was() {
    let place = place(
        "entity Item { n = 0, tags = [] }\ndata Point { x: Int, y: Int = 2 }\n\
         contract All {\n persistent storage kept = null\n action put(v) { kept = v }\n action show() { return kept }\n}\n\
         let all = All()\nlet old = all.show()\nprint(old == null ? \"nothing\" : old, persist_get(\"k\", \"none\"))\n\
         if old != null { print(old[\"item\"].tags, old[\"point\"] == Point(1), typeof(old[\"bytes\"]), old[\"big\"] - 1) }\n\
         all.put({\"b\": true, 7: null, \"a\": [1.5, -0.0, [\"x\", {}]], \"big\": 2 ** 300, \"neg\": 0 - 5,\n\
         \"bytes\": b\"a!\", \"item\": Item(3, [\"t\"]), \"point\": Point(1), \"text\": \"\u{e9}\\n\"})\n\
         persist_set(\"k\", [persist_get(\"k\", 0)])\n",
    );
    let first = place.run(&["--state", "s.zxstate", "main.zx"]);
    assert_eq!((first.status, first.out.as_str()), (Some(0), "nothing none\n"), "{first:?}");
    let shown = place.run(&["-e", "print(2 ** 300, (2 ** 300) - 1)"]).out;
    let (big, less) = shown.trim().split_once(' ').unwrap();
    let second = place.run(&["--state", "s.zxstate", "main.zx"]);
    assert_eq!(second.status, Some(0), "{second:?}");
    let lines: Vec<&str> = second.out.lines().collect();
    for part in ["b: true", "7: null", "[1.5, -0.0, [x, {}]]", &format!("big: {big}"), "neg: -5", "[0]"] {
        assert!(second.out.contains(part), "{part}: {second:?}");
    }
    assert!(second.out.find("b: true") < second.out.find("7: null"), "the order of keys");
    assert_eq!(lines.last(), Some(&format!("[t] true bytes {less}").as_str()), "{second:?}");
}

#[test]
fn an_uncaught_error_keeps_the_calls_before_it_and_running_out_keeps_nothing() {
    let place = place(
        "contract C { persistent storage n: Int = 0\n action add(k) { n = n + k\n require(k < 5, \"too much\") } }\n\
         let c = C()\nprint(c.n)\nc.add(2)\npersist_set(\"n\", c.n)\nc.add(9)\n",
    );
    fails(&place, 1, "too much");
    let limited = place.run(&["--state", "s.zxstate", "--gas-limit", "40", "main.zx"]);
    assert!(limited.status == Some(1) && limited.err.contains("Out of gas"), "{limited:?}");
    place.file("main.zx", "contract C { persistent storage n: Int = 0 }\nprint(C().n, persist_get(\"n\"))\n");
    says(&place, "2 2\n");
}

#[test]
fn an_instance_that_was_undone_has_no_number() {
    let place = place(
        "contract C { persistent storage n = 0\n action init(k) { n = n + k\n require(k > 0, \"no\") } }\n\
         let a = C(1)\ntry { C(-1) } catch (e) { }\nlet b = C(10)\nprint(a.n, b.n)\n",
    );
    says(&place, "1 10\n");
    says(&place, "2 20\n");
}

#[test]
fn what_cannot_be_kept_or_restored_is_said() {
    let place = place(
        "entity Item { n = 0 }\ncontract C { persistent storage n = 1\n persistent storage x = null\n\
         action put(v) { x = v } }\nlet c = C()\nc.put(Item(3))\nprint(c.x.n)\n",
    );
    says(&place, "3\n");
    let text = fs::read_to_string(place.folder.path().join("main.zx")).unwrap();
    place.file("main.zx", text.replace("c.put(Item(3))", "c.put([C()])").replace("print(c.x.n)", ""));
    fails(&place, 1, "cannot keep 'x' of contract C: it holds a contract instance");
    place.file("main.zx", text.replace("Item { n", "Item { m").replace("c.x.n", "c.x.m"));
    fails(
        &place,
        1,
        "Cannot restore 'x' of contract C: it holds entity Item with the fields n, which this program does not",
    );
    place.file("main.zx", text);
    says(&place, "3\n");
}

#[test]
fn files_that_cannot_be_used_are_refused_and_left_alone() {
    let place =
        place("contract C { persistent storage n = 0\n action up() { n = n + 1\n return n } }\nprint(C().up())\n");
    let path = place.file("s.zxstate", "my notes, which are no state file");
    fails(&place, 2, "s.zxstate is not a state file: it was left as it is");
    assert_eq!(fs::read(&path).unwrap(), b"my notes, which are no state file");
    fs::remove_file(&path).unwrap();
    says(&place, "1\n");
    let whole = fs::read(&path).unwrap();
    for (name, bytes) in [("half", whole[..whole.len() / 2].to_vec()), ("page", whole[..4096].to_vec())] {
        fs::write(&path, &bytes).unwrap();
        fails(&place, 2, "is damaged");
        assert!(fs::read(&path).unwrap() == bytes, "{name}: the file was changed");
    }
    fs::write(&path, whole).unwrap();
    says(&place, "2\n");
    let missing = place.run(&["--state", "no/s.zxstate", "main.zx"]);
    assert!(missing.status == Some(2) && missing.err.contains("there is no folder no"), "{missing:?}");
    assert_eq!(place.run(&["--state", "s.zxstate"]).status, Some(2), "a prompt keeps nothing");
}

#[test]
fn a_second_process_is_refused_while_the_first_runs() {
    let place = place("contract C { persistent storage n = 0 }\nprint(\"ready\", C().n)\ninput()\n");
    let mut command = place.command(&["--state", "s.zxstate", "main.zx"]);
    let mut first = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // What is printed comes when the first ends; the file is there before.
    let path = place.folder.path().join("s.zxstate");
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    fails(&place, 2, "s.zxstate is in use by another process");
    first.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(first.wait().unwrap().success());
    let said = place.shell("echo | $ZX --state s.zxstate main.zx");
    assert_eq!((said.status, said.out.as_str()), (Some(0), "ready 0\n"), "{said:?}");
}

#[test]
fn killed_at_any_moment_the_last_batch_stands() {
    let place = place(
        "contract C { persistent storage n = 0\n persistent storage list = []\n\
         action up() { n = n + 1\n list.push(n)\n return n } }\n\
         let c = C()\nif len(args) > 0 { print(c.n, len(c.list)) }\nwhile len(args) == 0 {\n for each i in range(20) { c.up() }\n\
         storage_commit_batch()\n file_write_text(\"said\", string(c.n))\n}\n",
    );
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let mut last = 0;
    for round in 0..6 {
        let mut child = place.command(&["--state", "s.zxstate", "main.zx"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(rng.random_range(60..250)));
        child.kill().unwrap();
        child.wait().unwrap();
        // The file may be cut at the kill: then the last figure is not known.
        let said: Option<u64> = fs::read_to_string(place.folder.path().join("said")).ok().and_then(|n| n.parse().ok());
        let shown = place.run(&["--state", "s.zxstate", "main.zx", "show"]);
        assert_eq!(shown.status, Some(0), "round {round}: {shown:?}");
        let (n, length) = shown.out.trim().split_once(' ').unwrap();
        let n: u64 = n.parse().unwrap();
        assert_eq!(length, n.to_string(), "round {round}: the two fields belong together");
        assert!(n >= last && n.is_multiple_of(20), "round {round}: {n} after {last}");
        if let Some(said) = said {
            assert!(n == said || n == said + 20, "round {round}: {n} kept, {said} said");
        }
        last = n;
    }
    assert!(last > 0, "nothing was ever committed");
}

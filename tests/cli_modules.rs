//! Programs of several files on the command line: where modules may come from, what is said when they cannot be had,
//! and which file a message names.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;

mod command;

use command::{Place, said};

/// A scratch folder with these files; folders are made.
fn place(files: &[(&str, &str)]) -> Place {
    let place = Place::new();
    for (name, text) in files {
        fs::create_dir_all(place.folder.path().join(name).parent().unwrap()).unwrap();
        place.file(name, text);
    }
    place
}

const LIB: &str = "export action f(x) { return x + 1 }\n";

#[test]
fn a_path_may_not_leave_the_main_scripts_folder() {
    let place = place(&[
        ("app/main.zx", "use { f } from \"../lib\"\nprint(f(1))\n"),
        ("app/folder.zx", "use \"../lib.zx\" as lib\n"),
        ("app/nothing.zx", "use \"../../../nowhere/at/all\" as lib\n"),
        ("lib.zx", LIB),
    ]);
    let refused =
        "Module not found or failed to load: ../lib (it is outside the main script's folder; `--allow-path DIR`";
    place.run(&["app/main.zx"]).ends(1, "", &[refused, "app/main.zx:1:16"]);
    place.run(&["app/folder.zx"]).ends(1, "", &["--allow-path DIR"]);
    place.run(&["app/nothing.zx"]).ends(1, "", &["--allow-path DIR"]);
    place.run(&["--allow-path", ".", "app/main.zx"]).ends(0, "2\n", &[]);
    place.run(&["--allow-path", "app", "app/main.zx"]).ends(1, "", &["--allow-path DIR"]);
    let outside = place.folder.path().join("lib.zx");
    place.file("app/absolute.zx", format!("use {{ f }} from \"{}\"\nprint(f(1))\n", outside.display()));
    place.run(&["app/absolute.zx"]).ends(1, "", &["--allow-path DIR"]);
    place.run(&["--allow-path", "/nowhere", "--allow-path", ".", "app/absolute.zx"]).ends(0, "2\n", &[]);
    place.file("absolute.zx", format!("use {{ f }} from \"{}\"\nprint(f(1))\n", outside.display()));
    place.run(&["absolute.zx"]).ends(0, "2\n", &[]);
}

#[test]
fn links_are_followed_before_a_path_is_judged() {
    let place = place(&[
        ("app/main.zx", "use { f } from \"./linked\"\nprint(f(1))\n"),
        ("app/real.zx", "use { f } from \"./inside\"\nprint(f(1))\n"),
        ("app/folder.zx", "use { f } from \"./out/lib\"\nprint(f(1))\n"),
        ("app/loop.zx", "use \"./round\" as m\n"),
        ("app/deep/lib.zx", LIB),
        ("outside/lib.zx", LIB),
    ]);
    let at = |name: &str| place.folder.path().join(name);
    symlink(at("outside/lib.zx"), at("app/linked.zx")).unwrap();
    symlink(at("app/deep/lib.zx"), at("app/inside.zx")).unwrap();
    symlink(at("outside"), at("app/out")).unwrap();
    symlink(at("app/round.zx"), at("app/round.zx")).unwrap();
    place.run(&["app/main.zx"]).ends(1, "", &["outside the main script's folder"]);
    place.run(&["app/folder.zx"]).ends(1, "", &["outside the main script's folder"]);
    place.run(&["app/real.zx"]).ends(0, "2\n", &[]);
    place.run(&["app/loop.zx"]).ends(1, "", &["Module not found or failed to load: ./round\n"]);
    place.run(&["--allow-path=outside", "app/main.zx"]).ends(0, "2\n", &[]);
    // The script's own folder is the one that it really stands in.
    symlink(at("app/real.zx"), at("outside/tool")).unwrap();
    place.run(&["outside/tool"]).ends(0, "2\n", &[]);
}

#[test]
fn what_cannot_be_loaded_says_why_where_it_is_imported() {
    let place = place(&[
        ("main.zx", "print(\"first\")\nuse \"./gone\" as gone\n"),
        ("latin.zx", "use \"./bytes\" as b\n"),
        ("dir.zx", "use \"./folder\" as b\n"),
        ("folder/inner.zx", LIB),
        ("device.zx", "use \"./pipe\" as p\n"),
        ("odd.zx", "try { use \"\" as a } catch (e) { print(e) }\ntry { use \"a\\0b\" as a } catch (e) { print(e) }\n"),
    ]);
    place.file("bytes.zx", b"let ok = 1\nlet caf\xe9 = 1\n");
    place.run(&["main.zx"]).ends(1, "first\n", &["error: Module not found or failed to load: ./gone\n", "main.zx:2:5"]);
    place.run(&["latin.zx"]).ends(1, "", &["failed to load: ./bytes (it is not UTF-8 text: byte 18"]);
    place.run(&["dir.zx"]).ends(1, "", &["failed to load: ./folder (it is a folder)"]);
    assert!(std::process::Command::new("mkfifo").arg(place.folder.path().join("pipe.zx")).status().unwrap().success());
    place.run(&["device.zx"]).ends(1, "", &["failed to load: ./pipe\n"]);
    let odd = place.run(&["odd.zx"]);
    assert_eq!((odd.status, odd.out.matches("Module not found or failed to load: ").count()), (Some(0), 2), "{odd:?}");
}

#[test]
fn a_circle_is_an_error_that_names_it() {
    let place = place(&[
        ("a.zx", "use \"./b\" as b\nprint(\"never\")\n"),
        ("b.zx", "use \"./c\" as c\n"),
        ("c.zx", "print(1)\nuse { x } from \"./a.zx\"\n"),
        ("self.zx", "use \"./self\" as me\n"),
        ("into.zx", "use \"./b\" as b\n"),
    ]);
    let circle = "modules import one another in a circle: a.zx -> b.zx -> c.zx -> a.zx";
    place.run(&["a.zx"]).ends(65, "", &[circle, "c.zx:2:16", "1 syntax error in c.zx"]);
    place.run(&["self.zx"]).ends(65, "", &["in a circle: self.zx -> self.zx", "self.zx:1:5"]);
    place.run(&["into.zx"]).ends(65, "", &["in a circle: b.zx -> c.zx -> a.zx -> b.zx"]);
}

#[test]
fn syntax_errors_of_all_files_are_shown_together() {
    let place = place(&[
        ("main.zx", "use \"./lib/one\" as one\nlet = 3\n"),
        ("lib/one.zx", "// fine\nlet x = = 5\nuse \"./two\" as two\n"),
        ("lib/two.zx", "let ok = 1\n\nbreak\n"),
    ]);
    let said = place.run(&["main.zx"]);
    let errors = ["main.zx:2:5", "lib/one.zx:2:9", "2 | let x = = 5", "lib/two.zx:3:1", "3 | break", "3 files"];
    said.ends(65, "", &errors);
    place.run(&["--check", "main.zx"]).ends(65, "", &errors);
    let json = place.run(&["--check", "--format", "json", "main.zx"]);
    assert!(json.out.contains("\"file\":\"lib/one.zx\",\"line\":2,\"column\":9"), "{json:?}");
    place.file("main.zx", "use \"./lib/one\" as one\n");
    place.run(&["main.zx"]).ends(65, "", &["2 syntax errors in 2 files"]);
}

#[test]
fn what_the_text_shows_about_modules() {
    let errors = |main: &str, parts: &[&str]| {
        let place = place(&[("main.zx", main), ("lib.zx", "export let n = 1\nexport action f() { }\n")]);
        place.run(&["main.zx"]).ends(65, "", parts);
    };
    errors("use { n } from \"./lib\"\nn = 2\n", &["cannot assign to the imported name 'n'", "main.zx:2:1"]);
    errors("use { n } from \"./lib\"\naction g() { n += 2 }\n", &["cannot assign to the imported name 'n'"]);
    errors("use \"./lib\" as m\nm = 2\n", &["cannot assign to the imported name 'm'"]);
    errors("use \"./lib\" as m\nm.n = 2\n", &["cannot assign to 'n' of a module from outside it", "main.zx:2:3"]);
    errors("use \"./lib\"\nn = 2\n", &["cannot assign to the imported name 'n'"]);
    errors("action g() { use \"./lib\" as m }\n", &["`use` stands outside actions"]);
    errors("action g() { module M { } }\n", &["a module stands outside actions"]);
    errors(
        "export lots\nlet lost = 1\n",
        &["cannot export 'lots': there is no such name here", "did you mean `lost`?"],
    );
    errors("module M { let a = 1 }\nM.a = 2\n", &["cannot assign to 'a' of a module from outside it"]);
}

#[test]
fn errors_traces_and_tier_events_name_the_right_file() {
    let place = place(&[
        ("main.zx", "use \"./lib/work\" as work\nwork.outer(700)\nuse \"./lib/fails\" as fails\n"),
        (
            "lib/work.zx",
            "action inner(n) {\n    let i = 0\n    while i < n { i = i + 1 }\n    return i\n}\naction outer(n) { return inner(n) }\n",
        ),
        ("lib/fails.zx", "\nprint(1 / 0)\n"),
    ]);
    let said = place.run(&["--explain", "main.zx"]);
    let parts = [
        "loop lib/work.zx:3:5: interpreter -> vm",
        "Division by zero",
        "lib/fails.zx:2:9",
        "2 | print(1 / 0)",
        "in fails, called at main.zx:3:1",
    ];
    said.ends(1, "", &parts);
    place.file("debug.zx", "config.jit_debug = true\nuse { outer } from \"./lib/work\"\nouter(700)\n");
    place.run(&["debug.zx"]).ends(0, "", &["[jit] loop at lib/work.zx:3:5: after 500 iterations"]);
    // The names are those of the folder in which the script was named.
    let elsewhere = place.folder.path().join("lib");
    let mut command = place.command(&["../main.zx"]);
    said_from(&mut command, &elsewhere).ends(1, "", &["../lib/fails.zx:2:9"]);
}

fn said_from(command: &mut std::process::Command, folder: &std::path::Path) -> command::Said {
    said(command.current_dir(folder))
}

#[test]
fn a_wide_and_a_long_graph_of_imports() {
    let place = Place::new();
    place.file("base.zx", "print(\"base\")\nexport let n = 1\n");
    let (mut main, count) = ("let sum = 0\n".to_owned(), 300);
    for index in 0..count {
        place.file(&format!("wide{index}.zx"), format!("use {{ n }} from \"./base\"\nexport let v = n + {index}\n"));
        let _ = writeln!(main, "use \"./wide{index}\" as wide{index}\nsum += wide{index}.v");
        let next = format!("use \"./long{}\" as next\nexport let depth = next.depth + 1\n", index + 1);
        place.file(&format!("long{index}.zx"), next);
    }
    place.file(&format!("long{count}.zx"), "export let depth = 0\n");
    main.push_str("use { depth } from \"./long0\"\nprint(sum, depth)\n");
    place.file("main.zx", main);
    place.run(&["main.zx"]).ends(0, "base\n45150 300\n", &[]);
}

#[test]
fn programs_without_a_file_import_from_the_present_folder() {
    let place = place(&[("lib.zx", LIB)]);
    let program = "use { f } from './lib'; print(f(1), args)";
    place.run(&["-e", program, "a"]).ends(0, "2 [a]\n", &[]);
    let said = place.shell("echo \"use { f } from './lib'; print(f(2))\" | $ZX -");
    said.ends(0, "3\n", &[]);
}

//! Latency probes: they see every transaction they are asked to see, and change no result.

use zx::engine::{
    BlockSettings, Data, Engine, Isolate, Mode, OutputSink, Probe, Program, RunOptions, Sampling, TxStatus,
};

const MODES: [Mode; 5] = [Mode::Interpreter, Mode::Vm, Mode::Adaptive, Mode::Fixed(3), Mode::Chaos(7)];
const ALL: Sampling = Sampling::Singles { one_in_log2: 0 };

/// Defaults, captured variables, errors that leave the action, nested calls and a contract: all ways in and out.
const SCRIPT: &str = r#"
let log = []
contract Bank {
    data total = 0
    action add(n) { require(n != 13, "unlucky"); total = total + n; return [total] }
}
let bank = Bank()
action transfer(n, extra = 1) {
    let seen = n
    let later = action() { return seen + extra }
    if n > 0 and n % 5 == 0 { transfer(n - 1, extra) }
    if n == 7 { throw "seven" }
    bank.add(n)
    return later()
}
let i = 0
while i < 40 {
    try { log.push(transfer(i)) } catch (e) { log.push(string(e)) }
    i = i + 1
}
print(log, bank.total)
"#;

fn isolate(source: &str, mode: Mode, count: Option<&str>) -> Isolate {
    let program = Program::compile(source, "probe.zx").expect("compiles");
    program.keep_calls(); // as a probe process does
    let options = RunOptions {
        output: OutputSink::Digest,
        seed: Some(1),
        count_calls_of: count.map(str::to_owned),
        ..RunOptions::default()
    };
    Isolate::new(&Engine::new(mode), &program, options)
}

#[test]
fn a_probed_script_does_what_it_does_without() {
    for mode in MODES {
        let plain = isolate(SCRIPT, mode, None).run();
        assert_eq!(plain.failure, None);
        for sampling in [ALL, Sampling::Singles { one_in_log2: 2 }, Sampling::Batches { size: 3 }] {
            for action in ["transfer", "no such action"] {
                let mut probed = isolate(SCRIPT, mode, None);
                probed.probe_calls_of(action, Some(sampling), 5);
                assert_eq!(probed.run().digest, plain.digest, "{mode:?} {sampling:?}");
                assert_eq!(probed.run().digest, plain.digest, "again: {mode:?} {sampling:?}");
            }
        }
    }
}

#[test]
fn every_call_that_returns_is_timed_and_then_none() {
    for mode in MODES {
        let mut probed = isolate(SCRIPT, mode, Some("transfer"));
        probed.probe_calls_of("transfer", Some(ALL), 5);
        let calls = probed.run().counted_calls;
        let samples = probed.take_samples();
        // `seven` leaves by a throw and `unlucky` by a failed require: neither returns.
        assert_eq!((calls, samples.taken.len(), samples.lost), (47, 45, 0), "{mode:?}");
        let in_vm = samples.taken.iter().filter(|sample| sample.upper).count();
        match mode {
            Mode::Interpreter | Mode::Adaptive => assert_eq!(in_vm, 0),
            Mode::Vm => assert_eq!(in_vm, 45),
            _ => assert!(in_vm > 20, "{mode:?}: {in_vm}"),
        }
        probed.probe_calls_of("transfer", None, 5);
        probed.run();
        assert!(probed.take_samples().taken.is_empty());
    }
}

#[test]
fn batches_are_whole_and_end_with_the_pass() {
    let mut probed = isolate(SCRIPT, Mode::Vm, None);
    probed.probe_calls_of("transfer", Some(Sampling::Batches { size: 10 }), 5);
    probed.run();
    probed.run();
    // 47 calls a pass: four whole batches, since the fifth has no end.
    assert_eq!(probed.take_samples().taken.len(), 8);
}

#[test]
fn a_leaf_that_would_stand_in_its_caller_is_called_for_a_probe() {
    const LEAF: &str = "action transfer(n) { return n + 1 }\nlet i = 0\nwhile i < 50 { i = transfer(i) }\nprint(i)\n";
    for mode in MODES {
        let program = Program::compile(LEAF, "probe.zx").expect("compiles");
        let options = RunOptions { output: OutputSink::Digest, seed: Some(1), ..RunOptions::default() };
        let plain = Isolate::new(&Engine::new(mode), &program, options).run();
        let mut probed = isolate(LEAF, mode, None);
        probed.probe_calls_of("transfer", Some(ALL), 5);
        assert_eq!(probed.run().digest, plain.digest, "{mode:?}");
        assert_eq!(probed.take_samples().taken.len(), 50, "{mode:?}");
    }
}

const BLOCK: &str = r#"
contract Bank {
    data held = {}
    action move(n) { require(n % 4 != 0, "no"); held[n] = n }
}
let bank = Bank()
action generate(rng) { return {"n": rng.index()} }
action transaction(tx) { bank.move(tx["n"]) }
"#;

#[test]
fn committed_transactions_of_a_block_are_timed() {
    for mode in MODES {
        let block: Vec<Data> = (0..100).map(|n| Data::Map(vec![(Data::Str("n".into()), Data::Int(n))])).collect();
        let settings = BlockSettings { keep_receipts: true, ..BlockSettings::default() };
        let ready = || {
            let mut isolate = isolate(BLOCK, mode, None);
            isolate.run();
            isolate.seal();
            isolate
        };
        let mut plain = ready();
        let prepared = plain.prepare(&block);
        let expected = plain.execute(&prepared, &settings);
        let mut probed = ready();
        let prepared = probed.prepare(&block);
        let mut probe = Probe::new(ALL, 3);
        assert_eq!(probed.execute_probed(&prepared, &settings, &mut probe), expected, "{mode:?}");
        assert_eq!(probed.state_root(), plain.state_root());
        let committed = probed.receipts().iter().filter(|receipt| receipt.status == TxStatus::Committed).count();
        assert_eq!((committed, probe.take().taken.len()), (75, 75), "{mode:?}");
    }
}

#[test]
fn a_share_is_chosen_and_not_every_nth() {
    let mut probe = Probe::new(Sampling::Singles { one_in_log2: 4 }, 42);
    let chosen: Vec<usize> = (0..160_000).filter(|_| probe.begin(|| false).is_some()).collect();
    assert!((9_000..11_000).contains(&chosen.len()), "{}", chosen.len());
    let gaps: std::collections::BTreeSet<usize> = chosen.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.len() > 50, "gaps of many lengths: {}", gaps.len());
}

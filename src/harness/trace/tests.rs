use super::*;

fn header() -> Header {
    Header { workload: "w".into(), workload_digest: "d".into(), params: "a=1".into(), blocks: 3, block: 2 }
}

fn transactions(seed: i64) -> Vec<Data> {
    let text = |text: &str| Data::Str(text.into());
    let fields = vec![
        (text("caller"), text("añb")),
        (text("n"), Data::Int(-seed)),
        (Data::Int(3), Data::List(vec![Data::Null, Data::Bool(true), Data::Bool(false), Data::Float(-0.5)])),
        (text("big"), Data::BigInt("123456789012345678901234567890".into())),
    ];
    vec![Data::Map(fields), Data::Int(seed)]
}

fn written(folder: &Path) -> (PathBuf, Vec<u8>) {
    let path = folder.join("t.trace");
    drop(std::fs::remove_file(&path)); // of an earlier call
    let mut writer = Writer::create(&path, &header()).expect("created");
    for seed in 0..3 {
        writer.block(&transactions(seed)).expect("written");
        assert!(!path.exists(), "a half trace has no name yet");
    }
    writer.finish().expect("finished");
    let bytes = std::fs::read(&path).expect("there");
    (path, bytes)
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, first) = written(folder.path());
    let mut reader = Reader::open(&path).expect("a trace");
    assert_eq!(reader.header(), &header());
    for seed in 0..3 {
        assert_eq!(reader.next_block(), Ok(Some(transactions(seed))));
    }
    assert_eq!((reader.next_block(), reader.next_block()), (Ok(None), Ok(None)));
    assert_eq!(written(folder.path()).1, first, "the same blocks are the same bytes");
    assert!(!partial_name(&path).exists());
}

#[test]
fn every_cut_and_every_changed_byte_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, whole) = written(folder.path());
    let (_, digest) = check(&path).expect("whole");
    let said = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        check(&path).expect_err("refused")
    };
    for length in 0..whole.len() {
        let message = said(&whole[..length]);
        let told = message.contains("truncated") || length < 8 && message.contains("is no trace");
        assert!(told, "cut to {length}: {message}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x41;
        let message = said(&bytes);
        assert!(message.contains("t.trace"), "byte {at}: {message}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(said(&longer).contains("behind the end"));
    let mut newer = whole.clone();
    newer[8] = 2;
    assert!(said(&newer).contains("has version 2 of the layout, this zx-bench reads version 1"));
    std::fs::write(&path, &whole).expect("written");
    assert_eq!(check(&path).expect("whole again").1, digest);
}

#[test]
fn what_is_no_file_or_no_trace_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(check(&folder.path().join("none")).expect_err("refused").contains("cannot read the trace"));
    assert!(check(folder.path()).is_err());
    let path = folder.path().join("text");
    std::fs::write(&path, "let x = 1 // a program\n").expect("written");
    assert!(check(&path).expect_err("refused").contains("is no trace"));
    assert!(
        Writer::create(&folder.path().join("no/such/folder"), &header()).expect_err("refused").contains("cannot write")
    );
}

#[test]
fn functions_and_contracts_cannot_be_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::create(&folder.path().join("t"), &header()).expect("created");
    let said = writer.block(&[Data::Opaque("<lambda>".into())]).expect_err("refused");
    assert!(said.contains("<lambda>") && said.contains("plain values"), "{said}");
}

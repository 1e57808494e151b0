use super::*;
use crate::report::metrics;

fn sample(window: u32) -> SampleRow {
    SampleRow {
        schema: SCHEMA,
        run: "r1".into(),
        arm: Arm::Single,
        block: Some(0),
        slot: None,
        workload: "transfer".into(),
        workload_digest: "ab12".into(),
        params: Params::from_iter([("seed", 42), ("accounts", 1000)]),
        mode: "vm".into(),
        executor: "sharded".into(),
        threads: 2,
        process: 0,
        isolate: None,
        window: Some(window),
        phase: Phase::NativeCompile,
        at_ns: Some(10_000_000),
        metric: metrics::TPS.into(),
        value: Some(1_234_567.5),
        unit: metrics::unit::TPS.into(),
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn the_columns_are_the_contract() {
    let dir = folder();
    let path = dir.path().join(SAMPLES);
    RowWriter::create(&path).expect("writable").write(&sample(3)).expect("written");
    let text = std::fs::read_to_string(&path).expect("readable");
    assert_eq!(
        text,
        "schema,run,arm,block,slot,workload,workload_digest,params,mode,executor,threads,process,\
         isolate,window,phase,at_ns,metric,value,unit\n\
         1,r1,-,0,,transfer,ab12,accounts=1000;seed=42,vm,sharded,2,0,,3,native_compile,10000000,\
         tps,1234567.5,tx/s\n"
    );
}

/// The fields of each struct, in order, are its columns: what serde would write as header.
#[test]
fn columns_and_fields_are_the_same() {
    fn header<T: Record>(line: &str) -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
        let record = reader.records().next().expect("a line").expect("a row");
        let row: T = record.deserialize(None).expect("a row of the type");
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(row).expect("a row");
        let text = String::from_utf8(writer.into_inner().expect("in memory")).expect("text");
        text.lines().next().unwrap_or_default().split(',').map(str::to_owned).collect()
    }
    let samples = "1,r,base,,,w,d,,vm,sharded,1,0,,,cold,,tps,,tx/s";
    assert_eq!(header::<SampleRow>(samples), SampleRow::COLUMNS);
    let summary = "w,,vm,sharded,1,,,,,,,,,,,,,,no steady state,,0,0,,,,,,,true,";
    assert_eq!(header::<SummaryRow>(summary), SummaryRow::COLUMNS);
    let tiers = "r,w,,adaptive,1,0,,,a.zx:1:1,loop,500,interpreter,vm,,,,hot";
    assert_eq!(header::<TierRow>(tiers), TierRow::COLUMNS);
}

#[test]
fn rows_come_back_as_they_were() {
    let dir = folder();
    let path = dir.path().join(SAMPLES);
    let mut odd = sample(1);
    odd.workload = "with, \"quotes\"\nand a line end".into();
    odd.value = None;
    let rows = vec![sample(0), odd, sample(2)];
    let mut writer = RowWriter::create(&path).expect("writable");
    writer.write_all(&rows).expect("written");
    // Read while the writer is open: every row was flushed.
    assert_eq!(read_rows(&path).expect("readable"), Rows { rows, warnings: Vec::new() });
}

#[test]
fn not_finite_is_an_empty_cell() {
    let dir = folder();
    let path = dir.path().join(SAMPLES);
    let mut writer = RowWriter::create(&path).expect("writable");
    writer.write(&SampleRow { value: Some(f64::NAN), ..sample(0) }).expect("written");
    assert_eq!(read_rows::<SampleRow>(&path).expect("readable").rows[0].value, None);
}

/// A run killed at any byte can be read, and resumed without losing or doubling a row.
#[test]
fn a_file_cut_anywhere_is_read_and_resumed() {
    let dir = folder();
    let path = dir.path().join(SAMPLES);
    let mut long = sample(1);
    long.run = "a\nb".into();
    RowWriter::create(&path).expect("writable").write_all([&sample(0), &long]).expect("written");
    let whole = std::fs::read(&path).expect("readable");
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).expect("writable");
        let read = read_rows::<SampleRow>(&path).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        let clean = cut > 0 && whole_lines(&whole[..cut]) == cut;
        assert_eq!(read.warnings.is_empty(), clean, "cut at {cut}");
        let (mut writer, kept) = RowWriter::resume(&path).expect("resumable");
        assert_eq!(kept.rows, read.rows, "cut at {cut}");
        writer.write(&sample(7)).expect("written");
        let after = read_rows::<SampleRow>(&path).expect("readable");
        assert_eq!((after.rows.len(), after.warnings.len()), (kept.rows.len() + 1, 0), "cut at {cut}");
    }
}

#[test]
fn a_resumed_run_may_have_no_file_yet() {
    let dir = folder();
    let (mut writer, rows) = RowWriter::resume(dir.path().join(SAMPLES)).expect("startable");
    assert!(rows.rows.is_empty() && rows.warnings.is_empty());
    writer.write(&sample(0)).expect("written");
}

#[test]
fn other_files_are_told_apart() {
    let dir = folder();
    let path = dir.path().join(SAMPLES);
    let error = |text: &str| {
        std::fs::write(&path, text).expect("writable");
        let e = read_rows::<SampleRow>(&path).expect_err("not a file of ours");
        e.to_string().replace(&path.display().to_string(), "F")
    };
    let header = SampleRow::COLUMNS.join(",");
    let rest = ",r,-,,,w,d,,vm,sharded,1,0,,,cold,,tps,,tx/s\n";
    assert_eq!(
        error("name,value\na,1\n"),
        "F: not a zx-bench file of this kind: column `schema` expected, `name` found"
    );
    assert_eq!(
        error("one line, no end"),
        "F: not a zx-bench file of this kind: column `schema` expected, `one line` found"
    );
    assert_eq!(
        error(&format!("{header},extra\n")),
        "F: written with schema newer than 1 (it has a column `extra`), this build reads schema 1: \
         use the zx-bench that wrote it, or measure again"
    );
    assert!(error(&format!("{header}\n2{rest}")).contains("written with schema 2,"));
    assert!(error(&format!("{header}\n1{rest}x{rest}1{rest}")).starts_with("F:3: not a row"));
    assert!(matches!(read_rows::<SampleRow>(dir.path().join("none.csv")), Err(RecordError::Io { .. })));
}

#[test]
fn params_are_sorted_and_come_back() {
    let params = Params::from_iter([("skew", "zipf:0.99"), ("a", "x;y=z%"), ("block", "1000")]);
    let text = params.to_string();
    assert_eq!(text, "a=x%3by%3dz%25;block=1000;skew=zipf:0.99");
    assert_eq!(text.parse::<Params>().expect("canonical"), params);
    assert_eq!("".parse::<Params>().expect("none"), Params::new());
    assert!("a".parse::<Params>().is_err());
    assert!("a=1;a=2".parse::<Params>().is_err());
    assert!("a=%zz".parse::<Params>().is_err());
}

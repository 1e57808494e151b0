use super::*;
use crate::report::numbers::number;

/// A chart of TPS against threads with this many series.
fn scaling(count: usize) -> Chart {
    let names =
        ["interpreter", "vm", "native", "adaptive", "fixed:1", "fixed:100", "fixed:1000", "fixed:10000, parallel"];
    let threads = [1.0, 2.0, 4.0, 8.0, 16.0];
    let series = (0..count)
        .map(|i| {
            let one = 180_000.0 * (1.0 + (i % 4) as f64 * 1.7 + i as f64 * 0.02);
            let at = |t: f64| one * t.powf(0.85 - i as f64 * 0.01);
            Series {
                name: names[i % 8].to_owned(),
                colour: i,
                points: threads.map(|x| Point { x, y: at(x), interval: Some((at(x) * 0.94, at(x) * 1.05)) }).to_vec(),
                ideal: threads.map(|x| (x, one * x)).to_vec(),
            }
        })
        .collect();
    let mut x = Axis::new("Threads", "count", ScaleKind::Log);
    x.ticks = Some(threads.to_vec());
    let y = Axis::new("Committed transactions per second", "tx/s", ScaleKind::FromZero);
    let dashed = Some("ideal: one thread × threads".to_owned());
    chart("scaling", Body::Lines(Lines { x, y, series, marks: Vec::new(), reference: None, dashed }))
}

/// A warm-up curve with this many series, each with two tier events.
fn warmup(count: usize) -> Chart {
    let names = ["interpreter", "vm", "native", "adaptive", "fixed:1", "fixed:2", "fixed:3", "fixed:4"];
    let noise = |i: usize| 1.0 + ((i * 7919) % 97) as f64 / 97.0 * 0.06;
    let series: Vec<Series> = (0..count)
        .map(|s| Series {
            name: names[s % 8].to_owned(),
            colour: s,
            points: (0..200)
                .map(|i| {
                    let level = 2e5 * 3f64.powi(s as i32 % 4) * (1.0 + s as f64 * 0.03);
                    let warm = if i < 6 { 0.2 } else { 1.0 };
                    let x = 10.0 * (i + 1) as f64;
                    Point { x, y: level * warm * noise(i + s), interval: None }
                })
                .collect(),
            ideal: Vec::new(),
        })
        .collect();
    let marks = (0..count)
        .flat_map(|s| {
            [("vm", 0.6), ("native", 30.0)].map(|(to, x)| Mark {
                x: x * (1.0 + s as f64 * 0.2),
                label: format!("{} → {to}", names[s % 8]),
                colour: s,
            })
        })
        .collect();
    let x = Axis::new("Time since the first transaction", "ms", ScaleKind::Log);
    let y = Axis::new("Committed transactions per second", "tx/s", ScaleKind::Log);
    chart("warmup", Body::Lines(Lines { x, y, series, marks, reference: None, dashed: None }))
}

fn bars(count: usize, stacked: bool) -> Chart {
    let names =
        ["interpreter", "vm", "native", "adaptive", "fixed:1", "fixed:100", "fixed:1000", "fixed:10000, parallel"];
    let each = (0..count).map(|i| {
        let ms = 80.0 / (i + 1) as f64;
        Bar {
            label: names[i].to_owned(),
            colour: i,
            parts: if stacked { vec![3.0, 2.5, ms] } else { vec![ms] },
            interval: (!stacked).then_some((ms * 0.93, ms * 1.06)),
            text: if stacked {
                format!("{} ms, 1,234,567 tx/s", number(ms + 5.5))
            } else {
                format!("{}×", number(ms))
            },
        }
    });
    let parts = ["start, parse and exit", "iterations 1 to 500", "rest of the first pass"];
    let body = Bars {
        value: if stacked {
            Axis::new("Time", "ms", ScaleKind::FromZero)
        } else {
            Axis::new("Speedup, same work and threads", "×", ScaleKind::FromZero)
        },
        parts: if stacked { parts.map(str::to_owned).to_vec() } else { Vec::new() },
        bars: each.collect(),
        reference: (!stacked).then_some(1.0),
    };
    chart(if stacked { "cold" } else { "speedup" }, Body::Bars(body))
}

fn chart(name: &str, body: Body) -> Chart {
    Chart {
        name: name.to_owned(),
        title: "Invented data: a chart of the unit tests".to_owned(),
        subtitle: "token (accounts 1000, block 1000, seed 42, skew uniform) · bars: 95% interval".to_owned(),
        note: String::new(),
        caption: "Invented CPU at 2.60 GHz · 2 cores · commit 0123456789 with local changes".to_owned(),
        warning: None,
        body,
    }
}

fn all(count: usize) -> [Chart; 4] {
    [scaling(count), warmup(count), bars(count, true), bars(count, false)]
}

/// Draws to the folder that `ZX_CHART_PREVIEW` names, for looking at; else to one that is removed.
#[test]
fn every_chart_is_drawn_at_every_size_and_theme() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let preview = std::env::var_os("ZX_CHART_PREVIEW").map(PathBuf::from);
    let into = preview.as_deref().unwrap_or(temporary.path());
    for count in [1, 4, 8] {
        for (w, h, theme) in [(800, 450, Theme::Light), (400, 300, Theme::Print), (1600, 900, Theme::Dark)] {
            if count != 4 && theme == Theme::Print && preview.is_none() {
                continue; // Much the same, and slow in an unoptimised build.
            }
            for chart in all(count) {
                let path = into.join(format!("{}-{count}-{w}.png", chart.name));
                render(&chart, Size { width: w, height: h }, theme, &path).expect("drawn");
                let bytes = std::fs::read(&path).expect("written");
                let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
                assert_eq!((number(16), number(20)), (w, h), "the size asked for");
            }
        }
    }
}

/// The texts of an SVG with their places: x, y, anchor, size.
fn texts(svg: &str) -> Vec<(f64, f64, String, f64, String)> {
    let attribute = |tag: &str, name: &str| {
        let begin = tag.find(&format!(" {name}=\"")).map(|at| at + name.len() + 3)?;
        Some(tag[begin..].split('"').next()?.to_owned())
    };
    svg.split("<text")
        .skip(1)
        .map(|tag| {
            let number = |name: &str| attribute(tag, name).and_then(|v| v.parse().ok()).unwrap_or(0.0);
            let anchor = attribute(tag, "text-anchor").unwrap_or_default();
            let body = tag.split_once('>').map_or("", |(_, rest)| rest);
            let body = body.split("</text").next().unwrap_or_default().trim().to_owned();
            (number("x"), number("y"), anchor, number("font-size"), body)
        })
        .collect()
}

/// No text covers another or leaves the chart, at eight series and every size.
#[test]
fn no_text_overlaps() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (width, height) in [(400, 300), (800, 450), (1600, 900), (900, 900)] {
        for chart in [1, 4, 8].into_iter().flat_map(all) {
            let path = dir.path().join("c.svg");
            render(&chart, Size { width, height }, Theme::Light, &path).expect("drawn");
            let svg = std::fs::read_to_string(&path).expect("written");
            let boxes: Vec<_> = texts(&svg)
                .into_iter()
                .map(|(x, y, anchor, size, text)| {
                    // Noto Sans is about half as wide as high; a little less, so as not to cry wolf.
                    let wide = text.replace("&gt;", ">").chars().count() as f64 * size * 0.44;
                    let left = match anchor.as_str() {
                        "end" => x - wide,
                        "middle" => x - wide / 2.0,
                        _ => x,
                    };
                    (left, left + wide, y - size * 0.33, y + size * 0.33, text)
                })
                .collect();
            assert!(boxes.len() > 5, "the texts were found");
            for (i, a) in boxes.iter().enumerate() {
                let inside = a.0 >= 0.0 && a.1 <= f64::from(width) && a.2 >= 0.0 && a.3 <= f64::from(height);
                assert!(inside, "{} {width}: {a:?}", chart.name);
                for b in &boxes[..i] {
                    let apart = a.0 >= b.1 || b.0 >= a.1 || a.2 >= b.3 || b.2 >= a.3;
                    assert!(apart, "{} {width}x{height}: {a:?} covers {b:?}", chart.name);
                }
            }
        }
    }
}

#[test]
fn the_data_stands_beside_the_chart() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("c.svg");
    render(&bars(2, true), Size { width: 800, height: 450 }, Theme::Light, &path).expect("drawn");
    let data = std::fs::read_to_string(path.with_extension("csv")).expect("written");
    assert!(
        data.starts_with(
            "bar,part,Time (ms),low,high,text\n\
         interpreter,\"start, parse and exit\",3,,,\"85.5 ms, 1,234,567 tx/s\"\n"
        ),
        "{data}"
    );
}

#[test]
fn other_extensions_are_refused() {
    let refused = render(&bars(1, true), Size::default(), Theme::Light, Path::new("/tmp/x.gif"));
    let text = refused.expect_err("no such kind").to_string();
    assert_eq!(text, "/tmp/x.gif: a chart's file ends in .svg or .png");
    let nowhere = render(&bars(1, true), Size::default(), Theme::Light, Path::new("/nowhere/x.svg"));
    assert!(matches!(nowhere, Err(ChartError::Write { .. })));
}

#[test]
fn sizes() {
    assert_eq!("1600x900".parse(), Ok(Size { width: 1600, height: 900 }));
    assert!("16x9".parse::<Size>().is_err() && "big".parse::<Size>().is_err());
}

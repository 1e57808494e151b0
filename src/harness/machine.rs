//! What the operating system tells about this process and this machine, from `/proc` and `/sys`.
//!
//! Everything is optional: what cannot be read is unknown, never zero.

use std::fs;
use std::time::Instant;

/// Peak resident set of this process, KiB.
pub fn peak_rss_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// CPU time of the calling thread so far, nanoseconds. The kernel brings it up to date at least
/// once a scheduler tick, so a difference over many windows is right on average.
pub fn thread_cpu_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().filter(|ns| *ns > 0)
}

/// Model name of the first CPU.
pub fn cpu_model() -> Option<String> {
    cpuinfo_value("model name").or_else(|| cpuinfo_value("Model"))
}

/// Whether the CPU says that it is virtual, and what the machine calls itself.
pub fn hypervisor() -> Option<String> {
    let is_virtual = cpuinfo_value("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    let named =
        |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let product = named("/sys/hypervisor/type").or_else(|| named("/sys/class/dmi/id/product_name"));
    is_virtual.then(|| product.unwrap_or_else(|| "unknown".into()))
}

/// Kernel release.
pub fn kernel() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(text.trim().to_owned())
}

/// Frequency governor of the first CPU.
pub fn governor() -> Option<String> {
    let text = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").ok()?;
    Some(text.trim().to_owned())
}

/// Least, greatest and present frequency of the first CPU, MHz.
pub fn frequency_mhz() -> Option<[u64; 3]> {
    let read = |name: &str| -> Option<u64> {
        let path = format!("/sys/devices/system/cpu/cpu0/cpufreq/{name}");
        Some(fs::read_to_string(path).ok()?.trim().parse::<u64>().ok()? / 1000)
    };
    Some([read("cpuinfo_min_freq")?, read("cpuinfo_max_freq")?, read("scaling_cur_freq")?])
}

/// Ticks a second of the times in `/proc`: 100 for user space on every Linux.
const TICKS: f64 = 100.0;

/// CPU time that the whole machine has used since boot, seconds, what was stolen apart.
pub fn busy_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<f64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
    // user nice system idle iowait irq softirq; guests are in user.
    let busy: f64 = [0, 1, 2, 5, 6].iter().filter_map(|&at| fields.get(at)).sum();
    (fields.len() > 6).then_some(busy / TICKS)
}

/// CPU time that this process and the children it has waited for have used, seconds.
pub fn own_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold anything: state is field 3, utime 14.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let times: Option<Vec<f64>> = fields.get(11..15)?.iter().map(|n| n.parse().ok()).collect();
    Some(times?.iter().sum::<f64>() / TICKS)
}

/// Jitter of a fixed loop: how much longer than its median the slowest of a hundred runs takes.
pub fn loop_jitter() -> f64 {
    const RUNS: usize = 400;
    const STEPS: u64 = 100_000;
    let mut state = 1_u64;
    let mut times: Vec<u64> = (0..RUNS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..STEPS {
                state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
            begin.elapsed().as_nanos() as u64
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((RUNS - 1) as f64 * share) as usize].max(1) as f64;
    at(0.99) / at(0.5) - 1.0
}

/// Load over the last minute.
pub fn load_1m() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// Ticks stolen by the hypervisor since boot, over all CPUs.
pub fn steal_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().next()?.split_whitespace().nth(8)?.parse().ok()
}

/// Share of the last ten seconds in which something waited for a CPU, per cent.
pub fn cpu_pressure_10s() -> Option<f64> {
    let text = fs::read_to_string("/proc/pressure/cpu").ok()?;
    let some = text.lines().find(|line| line.starts_with("some"))?;
    some.split("avg10=").nth(1)?.split(' ').next()?.parse().ok()
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Smallest step of the clock that can be seen, and the cost of reading it, nanoseconds.
pub fn clock_step_and_overhead_ns() -> (u64, f64) {
    const READS: u32 = 20_000;
    let begin = Instant::now();
    let mut before = begin;
    let mut step = u64::MAX;
    for _ in 0..READS {
        let now = Instant::now();
        let passed = now.duration_since(before).as_nanos() as u64;
        if passed > 0 {
            step = step.min(passed);
        }
        before = now;
    }
    let overhead = before.duration_since(begin).as_nanos() as f64 / f64::from(READS);
    (step, overhead)
}

fn cpuinfo_value(key: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_answers() {
        if !cfg!(target_os = "linux") {
            return;
        }
        assert!(peak_rss_kib().is_some_and(|kib| kib > 100));
        assert!(kernel().is_some());
        let (busy, own) = (busy_s().expect("/proc/stat"), own_s().expect("/proc/self/stat"));
        assert!(busy > 0.0 && own >= 0.0 && own <= busy, "{busy} {own}");
        assert!(loop_jitter() >= 0.0);
        let (step, overhead) = clock_step_and_overhead_ns();
        assert!((1..1_000_000).contains(&step), "{step}");
        assert!(overhead > 0.0 && overhead < 100_000.0);
    }
}

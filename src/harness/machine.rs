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
        let (step, overhead) = clock_step_and_overhead_ns();
        assert!((1..1_000_000).contains(&step), "{step}");
        assert!(overhead > 0.0 && overhead < 100_000.0);
    }
}

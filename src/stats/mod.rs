//! Statistics of measured windows and processes: pure functions over slices.
//!
//! This room knows numbers only: no files, no clock, no workload. What cannot be computed from the
//! values given (too few, not positive) is `None`, never zero. Every formula names its source.

pub mod changepoint;
pub mod interval;
pub mod outlier;
pub mod robust;
pub mod warmup;

pub use changepoint::change_points;
pub use interval::{Interval, log_mean_interval, mean_interval, t_quantile};
pub use outlier::outliers;
pub use robust::{median, median_absolute_deviation, quantile};
pub use warmup::{Verdict, Warmup, WarmupOptions, classify_warmup};

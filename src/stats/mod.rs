//! Statistics of measured windows and processes: pure functions over slices.
//!
//! This room knows numbers only: no files, no clock, no workload. What cannot be computed from the
//! values given (too few, not positive) is `None`, never zero. Every formula names its source.

pub mod changepoint;
pub mod interval;
pub mod outlier;
pub mod paired;
pub mod proportion;
pub mod rank;
pub mod robust;
pub mod sequential;
pub mod warmup;

pub use changepoint::change_points;
pub use interval::{Interval, log_mean_interval, mean_interval, standard_deviation, t_quantile};
pub use outlier::outliers;
pub use paired::{block_means, geometric_mean_interval, log_ratio, welch_interval};
pub use proportion::{clopper_pearson, wilson};
pub use rank::hodges_lehmann;
pub use robust::{median, median_absolute_deviation, quantile};
pub use sequential::{Spending, look_confidences};
pub use warmup::{Verdict, Warmup, WarmupOptions, classify_warmup};

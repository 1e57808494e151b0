//! Rows of a rate under open load.

use crate::report::metrics::{self, unit};
use crate::report::records::{Phase, SampleRow};

use super::super::arrivals::OpenLoad;
use super::super::latency::{FLOOR_STEPS, Series};
use super::super::plan::{Cell, Slot};
use super::super::process::Record;
use super::super::protocol::{OpenStep, counter};
use super::{Agreement, RowMaker, RunNames};

impl RowMaker<'_> {
    /// One rate of a process; the rows' parameters say which.
    fn open_step(&mut self, record: &Record, step: &OpenStep, agreement: Agreement) {
        // Committed transactions of those served in the time.
        let share = step.committed as f64 / step.transactions.max(1) as f64;
        self.window(0, Phase::Steady, None, None, step.served_tps * share);
        self.push(Phase::Steady, metrics::COMMITTED, step.committed as f64, unit::TX);
        self.push(Phase::Probe, metrics::OFFERED_TPS, step.offered_tps, unit::TPS);
        self.push(Phase::Probe, metrics::SERVED_TPS, step.served_tps, unit::TPS);
        self.push(Phase::Probe, metrics::ARRIVAL_SIZE, step.batch as f64, unit::TX);
        if let Some(closed) = record.counter(counter::CLOSED_TPS) {
            self.push(Phase::Probe, metrics::CLOSED_TPS, closed, unit::TPS);
        }
        let floor = record.counter(counter::CLOCK_STEP_NS).map(|clock_step| clock_step * FLOOR_STEPS as f64);
        if let Some(floor_ns) = floor {
            self.push(Phase::Probe, metrics::LATENCY_FLOOR_NS, floor_ns, unit::NS);
        }
        self.percentiles(step, floor.unwrap_or(0.0) as u64);
        self.agreement(agreement);
    }

    fn percentiles(&mut self, step: &OpenStep, floor_ns: u64) {
        let of = [
            (&step.response, [metrics::P50_NS, metrics::P99_NS, metrics::P999_NS], floor_ns),
            (&step.service, [metrics::SERVICE_P50_NS, metrics::SERVICE_P99_NS, metrics::SERVICE_P999_NS], floor_ns),
            // No wait at all is a wait of 0.
            (&step.queue, [metrics::QUEUE_P50_NS, metrics::QUEUE_P99_NS, metrics::QUEUE_P999_NS], 0),
        ];
        for (data, names, floor_ns) in of {
            // What could not be read ended the process's conversation before.
            let Ok(series) = Series::read(data) else { continue };
            for (metric, quantile) in names.into_iter().zip([0.5, 0.99, 0.999]) {
                if let Some(ns) = series.percentile(quantile, floor_ns) {
                    self.push(Phase::Probe, metric, ns as f64, unit::NS);
                }
            }
        }
    }
}

/// The rows of one process under open load, each rate with its own parameters.
pub fn open_rows(
    names: &RunNames,
    load: &OpenLoad,
    (cell, slot): (&Cell, &Slot),
    record: &Record,
    agreement: Agreement,
) -> Vec<SampleRow> {
    let gave_all = record.error.is_none() && matches!(agreement, Agreement::Agrees(_));
    let mut rows = Vec::new();
    for (ordinal, rate) in load.rates.iter().enumerate() {
        let names = RunNames { params: load.params(&names.params, *rate), ..names.clone() };
        let mut maker = RowMaker::new(&names, cell, slot);
        match record.steps.iter().find(|step| step.ordinal as usize == ordinal) {
            Some(step) if gave_all => maker.open_step(record, step, agreement),
            _ => maker.refused(agreement),
        }
        if ordinal + 1 == load.rates.len() {
            maker.ended(record);
        }
        rows.extend(maker.into_rows());
    }
    rows
}

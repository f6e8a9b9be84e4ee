//! Runs of cases by balancers and seeds, on all processors, and what they come to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use crate::balancer::Kind;
use crate::case::{Case, Metric};
use crate::engine;
use crate::measure::{Figures, Measure};

/// The runs of one balancer in one case.
#[derive(Debug)]
pub struct Cell {
    /// Which balancer.
    pub kind: Kind,
    /// One run a seed.
    pub runs: Vec<Measure>,
}

/// The runs of one case.
#[derive(Debug)]
pub struct Row {
    /// Which case.
    pub case: Case,
    /// One cell a balancer.
    pub cells: Vec<Cell>,
}

/// A metric over the seeds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Value {
    /// Of all seeds.
    pub mean: f64,
    /// Half the way from the lowest to the highest.
    pub spread: f64,
}

// === impl Cell ===

impl Cell {
    /// The figures of all runs.
    #[must_use]
    pub fn figures(&self) -> Vec<Figures> {
        self.runs.iter().map(Measure::figures).collect()
    }

    /// A metric of all runs.
    #[must_use]
    pub fn value(&self, metric: Metric) -> Value {
        let values: Vec<f64> = (self.runs.iter()).map(|run| metric.of(&run.figures())).collect();
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(*value), high.max(*value))
            });
        Value {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            spread: (high - low) / 2.0,
        }
    }
}

// === impl Row ===

impl Row {
    /// The balancers that are best by a metric: the best one and whoever is within the seeds' spread of it.
    #[must_use]
    pub fn best(&self, metric: Metric) -> Vec<Kind> {
        let values: Vec<(Kind, Value)> = (self.cells.iter())
            .map(|cell| (cell.kind, cell.value(metric)))
            .collect();
        let best = values
            .iter()
            .map(|(_, value)| *value)
            .min_by(|a, b| metric.regret(a.mean).total_cmp(&metric.regret(b.mean)));
        let Some(best) = best else { return Vec::new() };
        (values.iter())
            .filter(|(_, value)| metric.regret(value.mean) - metric.regret(best.mean) <= value.spread + best.spread)
            .map(|(kind, _)| *kind)
            .collect()
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub struct Document {
    /// Calls in each run.
    pub requests: u64,
    /// One entry a case and a balancer.
    pub cells: Vec<Entry>,
}

/// One balancer in one case.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The case's name.
    pub case: &'static str,
    /// The balancer.
    pub balancer: Kind,
    /// What the case is judged by, and whether this balancer is among the best.
    pub judged: Vec<Judgement>,
    /// Every figure of every seed.
    pub runs: Vec<Figures>,
}

/// One metric of an entry.
#[derive(Debug, Serialize)]
pub struct Judgement {
    /// Which.
    pub metric: Metric,
    /// Its value.
    #[serde(flatten)]
    pub value: Value,
    /// Whether nobody is better by more than the spread.
    pub best: bool,
}

/// The rows for scripts.
#[must_use]
pub fn document(rows: &[Row], requests: u64) -> Document {
    let entry = |row: &Row, cell: &Cell| Entry {
        case: row.case.name,
        balancer: cell.kind,
        judged: (row.case.metrics.iter())
            .map(|metric| Judgement {
                metric: *metric,
                value: cell.value(*metric),
                best: row.best(*metric).contains(&cell.kind),
            })
            .collect(),
        runs: cell.figures(),
    };
    Document {
        requests,
        cells: (rows.iter())
            .flat_map(|row| row.cells.iter().map(move |cell| entry(row, cell)))
            .collect(),
    }
}

/// How often and how long everything is run.
#[derive(Clone, Debug)]
pub struct Extent {
    /// A run for each.
    pub seeds: Vec<u64>,
    /// Calls in each run.
    pub requests: u64,
    /// Clients in each run; `None`: as many as the case has.
    pub clients: Option<u32>,
}

/// Runs everything; `done` is told after each run how many there are in all.
pub fn run(cases: &[Case], kinds: &[Kind], extent: &Extent, done: impl Fn(usize, usize) + Sync) -> Vec<Row> {
    let tasks: Vec<(usize, usize, u64)> = (0..cases.len())
        .flat_map(|case| {
            (0..kinds.len()).flat_map(move |kind| extent.seeds.iter().map(move |seed| (case, kind, *seed)))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let finished = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, Measure)>> = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((case, kind, seed)) = tasks.get(index) else {
                        return;
                    };
                    let measure = engine::run(
                        &cases[*case].scene(extent.requests, extent.clients),
                        kinds[*kind],
                        *seed,
                    );
                    if let Ok(mut found) = found.lock() {
                        found.push((index, measure));
                    }
                    done(finished.fetch_add(1, Ordering::Relaxed) + 1, tasks.len());
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_default();
    found.sort_by_key(|(index, _)| *index);
    let mut runs = found.into_iter().map(|(_, measure)| measure);
    cases
        .iter()
        .map(|case| Row {
            case: *case,
            cells: (kinds.iter())
                .map(|kind| Cell {
                    kind: *kind,
                    runs: runs.by_ref().take(extent.seeds.len()).collect(),
                })
                .collect(),
        })
        .collect()
}

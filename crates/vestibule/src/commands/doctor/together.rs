//! Many questions at once, but not too many, and their answers in the order of the questions.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use broker::doctor::{Check, Report};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::NOBODYS;
use crate::output;

/// How many questions are out at a time.
const AT_ONCE: usize = 8;
/// How often it is said how far it is.
const SAID_EVERY: Duration = Duration::from_secs(2);

/// A part of the report.
pub(super) enum Piece {
    /// It is there.
    Done(Report),
    /// Somebody has to be asked.
    Asked(Pin<Box<dyn Future<Output = Report> + Send>>),
}

impl Piece {
    pub(super) fn asked(question: impl Future<Output = Report> + Send + 'static) -> Self {
        Self::Asked(Box::pin(question))
    }
}

/// Asks, and puts the pieces together.
pub(super) async fn together(pieces: Vec<Piece>) -> Report {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut done = BTreeMap::new();
    let mut asked = JoinSet::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        match piece {
            Piece::Done(report) => drop(done.insert(at, report)),
            Piece::Asked(question) => {
                let permits = Arc::clone(&permits);
                asked.spawn(async move {
                    let _permit = permits.acquire_owned().await;
                    (at, question.await)
                });
            }
        }
    }
    let (total, mut answered) = (asked.len(), 0);
    let mut stopped = Report::default();
    let mut every = tokio::time::interval(SAID_EVERY);
    every.tick().await;
    loop {
        tokio::select! {
            joined = asked.join_next() => match joined {
                None => break,
                Some(Ok((at, report))) => {
                    answered += 1;
                    done.insert(at, report);
                }
                Some(Err(why)) => {
                    let fix = "Report this as a fault of Vestibule.";
                    stopped.problem(Check::Tenant, NOBODYS, format!("A look ended: {why}."), fix);
                }
            },
            _ = every.tick() => {
                output::notice(format_args!("… {answered} of {total} questions are answered"));
            }
        }
    }
    let mut report = Report::default();
    for one in done.into_values() {
        report.extend(one);
    }
    report.extend(stopped);
    report
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn answers_come_in_the_order_of_the_questions_and_few_are_out_at_a_time() {
        static OUT: AtomicUsize = AtomicUsize::new(0);
        let of = |number: u64| {
            let mut report = Report::default();
            report.ok(Check::Tenant, NOBODYS, number.to_string());
            report
        };
        let asked = |number: u64| {
            Piece::asked(async move {
                let out = OUT.fetch_add(1, Ordering::SeqCst);
                assert!(out < AT_ONCE, "{out}");
                tokio::time::sleep(Duration::from_millis(50 - number)).await;
                OUT.fetch_sub(1, Ordering::SeqCst);
                of(number)
            })
        };
        let pieces = (0..40)
            .map(|number| if number % 4 == 0 { Piece::Done(of(number)) } else { asked(number) });
        let report = together(pieces.collect()).await;
        let said: Vec<_> = report.findings.iter().map(|one| one.found.clone()).collect();
        assert_eq!(said, (0..40).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

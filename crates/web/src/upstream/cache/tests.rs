use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

use super::*;

/// A source whose values count its fetches.
#[derive(Clone, Default)]
struct Source {
    fetches: Arc<AtomicU32>,
}

impl Source {
    fn works(&self) -> impl Future<Output = Result<u32, UpstreamError>> + Send + use<> {
        let fetches = Arc::clone(&self.fetches);
        async move { Ok(fetches.fetch_add(1, Ordering::SeqCst) + 1) }
    }

    fn fails(&self) -> impl Future<Output = Result<u32, UpstreamError>> + Send + use<> {
        let fetches = Arc::clone(&self.fetches);
        async move {
            fetches.fetch_add(1, Ordering::SeqCst);
            Err(UpstreamError::Interrupted)
        }
    }

    fn fetches(&self) -> u32 {
        self.fetches.load(Ordering::SeqCst)
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

const KEY: &str = "key";

fn cache() -> SoftCache<&'static str, u32> {
    SoftCache::new()
}

/// Waits until no fetch of the key runs.
async fn settled(cache: &SoftCache<&'static str, u32>) {
    let slot = cache.slot(KEY).await;
    drop(slot.gate.lock().await);
}

#[tokio::test]
async fn f_19_many_who_ask_at_once_cause_one_fetch() {
    let (cache, source) = (Arc::new(cache()), Source::default());
    let open = Arc::new(Notify::new());
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (cache, work, open) = (Arc::clone(&cache), source.works(), Arc::clone(&open));
            let load = async move {
                open.notified().await;
                work.await
            };
            tokio::spawn(async move { cache.get(KEY, at(0), load).await })
        })
        .collect();
    open.notify_one();
    for one in asking {
        assert_eq!(one.await.unwrap().map(|value| *value), Ok(1));
    }
    assert_eq!(source.fetches(), 1);
}

#[tokio::test]
async fn a_fresh_value_is_not_fetched_again_and_a_stale_one_in_the_background() {
    let (cache, source) = (cache(), Source::default());
    for second in [0, 479] {
        assert_eq!(cache.get(KEY, at(second), source.works()).await.as_deref(), Ok(&1));
    }
    assert_eq!(cache.get(KEY, at(721), source.works()).await.as_deref(), Ok(&1));
    settled(&cache).await;
    assert_eq!(cache.get(KEY, at(722), source.works()).await.as_deref(), Ok(&2));
}

#[test]
fn f_19_freshness_varies_by_a_fifth_around_ten_minutes() {
    let seconds: Vec<i64> = (0..200).map(|_| freshness().num_seconds()).collect();
    assert!(seconds.iter().all(|seconds| (480..=720).contains(seconds)), "{seconds:?}");
    assert!(seconds.iter().any(|other| Some(other) != seconds.first()));
}

#[tokio::test]
async fn f_11_the_last_good_value_outlives_failing_fetches_for_a_day() {
    let (cache, source) = (cache(), Source::default());
    let day = 24 * 3600;
    cache.get(KEY, at(0), source.works()).await.unwrap();
    for second in [800, 801, 3600, day - 1] {
        assert_eq!(cache.get(KEY, at(second), source.fails()).await.as_deref(), Ok(&1));
        settled(&cache).await;
    }
    // The failure at 800 is remembered at 801.
    assert_eq!(source.fetches(), 4);
    let error = cache.get(KEY, at(day + 10), source.fails()).await.err();
    assert_eq!(error, Some(UpstreamError::Interrupted));
}

#[tokio::test]
async fn f_07_a_failure_is_remembered_for_five_seconds() {
    let (cache, source) = (cache(), Source::default());
    assert!(cache.get(KEY, at(0), source.fails()).await.is_err());
    assert!(cache.get(KEY, at(4), source.works()).await.is_err());
    assert_eq!(source.fetches(), 1);
    assert_eq!(cache.get(KEY, at(6), source.works()).await.as_deref(), Ok(&2));
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_fetch() {
    let (cache, source) = (Arc::new(cache()), Source::default());
    let (begun, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let load = {
        let (begun, open, work) = (Arc::clone(&begun), Arc::clone(&open), source.works());
        async move {
            begun.notify_one();
            open.notified().await;
            work.await
        }
    };
    let impatient = tokio::spawn({
        let cache = Arc::clone(&cache);
        async move { cache.get(KEY, at(0), load).await }
    });
    begun.notified().await;
    impatient.abort();
    open.notify_one();
    assert_eq!(cache.get(KEY, at(0), source.fails()).await.as_deref(), Ok(&1));
}

#[tokio::test]
async fn rx_03_an_outdated_value_is_replaced_at_most_every_thirty_seconds() {
    let (cache, source) = (cache(), Source::default());
    let first = cache.get(KEY, at(0), source.works()).await.unwrap();
    let second = cache.newer(KEY, Arc::clone(&first), at(1), source.works()).await;
    assert_eq!(*second, 2);
    // Who still holds the first one gets the second without a fetch.
    assert_eq!(*cache.newer(KEY, first, at(2), source.works()).await, 2);
    for second_of_flood in 2..31 {
        let seen = Arc::clone(&second);
        assert_eq!(*cache.newer(KEY, seen, at(second_of_flood), source.works()).await, 2);
    }
    assert_eq!(source.fetches(), 2);
    assert_eq!(*cache.newer(KEY, second, at(31), source.works()).await, 3);
}

/// A thousand tokens a second that name no key of anybody's, and in their midst the directory does
/// change its keys: five seconds after the flood began.
#[tokio::test]
async fn rx_03_a_real_rotation_is_seen_within_a_minute_of_a_flood_without_more_fetches() {
    let (cache, source) = (cache(), Source::default());
    let mut known = cache.get(KEY, at(0), source.works()).await.unwrap();
    let rotated_at = 5;
    let mut seen_at = None;
    for second in 1..=60 {
        for _ in 0..20 {
            let fetched = cache.newer(KEY, Arc::clone(&known), at(second), source.works()).await;
            // Values are numbered by their fetch; those fetched after the rotation hold the key.
            if *fetched != *known && second >= rotated_at {
                seen_at.get_or_insert(second);
            }
            known = fetched;
        }
    }
    assert!(seen_at.is_some_and(|at| at - rotated_at <= 30), "{seen_at:?}");
    assert_eq!(source.fetches(), 1 + 2, "at seconds 1 and 31");
    // All the while the good value is there for those whose key is in it.
    assert!(cache.get(KEY, at(60), source.fails()).await.is_ok());
}

#[tokio::test]
async fn rx_03_a_failing_refetch_keeps_the_value_and_counts() {
    let (cache, source) = (cache(), Source::default());
    let first = cache.get(KEY, at(0), source.works()).await.unwrap();
    for second in [1, 2, 29] {
        assert_eq!(*cache.newer(KEY, Arc::clone(&first), at(second), source.fails()).await, 1);
    }
    assert_eq!(source.fetches(), 2);
    assert_eq!(cache.get(KEY, at(30), source.works()).await.as_deref(), Ok(&1));
}

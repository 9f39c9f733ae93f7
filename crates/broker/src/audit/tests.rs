use super::*;
use crate::seal::MasterKey;

const CHAIN: ChainId = ChainId(Uuid::from_u128(7));

/// A chain as the database makes it.
fn chain(acts: &[&str]) -> Vec<Entry> {
    let mut head = [0; 32];
    let entries = acts.iter().zip(1..).map(|(act, seq)| {
        let mut entry = Entry {
            seq,
            event: Uuid::from_u128(u128::try_from(seq).unwrap()),
            at: DateTime::UNIX_EPOCH + chrono::TimeDelta::microseconds(seq),
            actor: "operator".to_owned(),
            act: (*act).to_owned(),
            subject: "{}".to_owned(),
            previous: head.to_vec(),
            hash: Vec::new(),
        };
        head = entry.hash_after(CHAIN, &head);
        entry.hash = head.to_vec();
        entry
    });
    entries.collect()
}

fn verify(entries: &[Entry], checkpoints: &[Checkpoint]) -> Result<(i64, Hash), Broken> {
    let mut verifier = Verifier::new(CHAIN, checkpoints);
    entries.iter().try_for_each(|entry| verifier.next(entry))?;
    verifier.end()
}

fn checkpoint(entries: &[Entry]) -> Checkpoint {
    let (seq, head) = verify(entries, &[]).unwrap();
    Checkpoint { chain: CHAIN, seq, head, at: DateTime::UNIX_EPOCH }
}

fn master() -> MasterKey {
    MasterKey::new(&[7; 32]).unwrap()
}

#[test]
fn sc_05_untouched_chain_holds_with_every_checkpoint_of_it() {
    let entries = chain(&["a.a", "a.b", "a.c", "a.d"]);
    let known: Vec<_> = (0..=4).map(|end| checkpoint(&entries[..end])).collect();
    // One of nothing says nothing, and one twice no more than once.
    let known = [&known[1..], &known[1..]].concat();
    assert_eq!(verify(&entries, &known).unwrap().0, 4);
    let other = Checkpoint { chain: ChainId(Uuid::from_u128(8)), ..known[0].clone() };
    assert!(verify(&[], &[other]).is_ok());
}

#[test]
fn sc_05_first_entry_that_was_edited_deleted_or_moved_is_named() {
    let sound = chain(&["a.a", "a.b", "a.c", "a.d"]);
    let broken = |change: fn(&mut Vec<Entry>)| {
        let mut entries = sound.clone();
        change(&mut entries);
        verify(&entries, &[]).unwrap_err()
    };
    let altered = Broken::Altered { seq: 2, act: "a.b".to_owned() };
    assert_eq!(broken(|it| it[1].actor = "nobody".to_owned()), altered);
    assert_eq!(broken(|it| it[1].subject = "{ }".to_owned()), altered);
    assert_eq!(broken(|it| it[1].at += chrono::TimeDelta::microseconds(1)), altered);
    assert_eq!(broken(|it| it[1].event = Uuid::nil()), altered);
    assert_eq!(broken(|it| it[1].hash = vec![0; 32]), altered);
    let renamed = broken(|it| it[1].act = "a.z".to_owned());
    assert_eq!(renamed, Broken::Altered { seq: 2, act: "a.z".to_owned() });
    let gap = Broken::Gap { expected: 2, found: 3 };
    assert_eq!(broken(|it| drop(it.remove(1))), gap);
    assert_eq!(broken(|it| it.swap(1, 2)), gap);
    assert_eq!(broken(|it| drop(it.remove(0))), Broken::Gap { expected: 1, found: 2 });
    // Numbered anew so that there is no gap.
    let moved = broken(|it| {
        it.swap(1, 2);
        (it[1].seq, it[2].seq) = (2, 3);
    });
    assert_eq!(moved, Broken::Unlinked { seq: 2, act: "a.c".to_owned() });
    // Hashed anew, but not what follows.
    let relinked = broken(|it| {
        it[1].actor = "nobody".to_owned();
        let head: Hash = it[0].hash.as_slice().try_into().unwrap();
        it[1].hash = it[1].hash_after(CHAIN, &head).to_vec();
    });
    assert_eq!(relinked, Broken::Unlinked { seq: 3, act: "a.c".to_owned() });
}

#[test]
fn sc_05_cut_tail_and_rewritten_chain_are_found_by_a_checkpoint() {
    let (sound, rewritten) = (chain(&["a.a", "a.b", "a.c"]), chain(&["a.a", "a.x", "a.c", "a.d"]));
    let (middle, end) = (checkpoint(&sound[..2]), checkpoint(&sound));
    let at = DateTime::UNIX_EPOCH;
    assert!(verify(&sound[..2], &[]).is_ok() && verify(&rewritten, &[]).is_ok());
    for cut in 0..3 {
        let found = verify(&sound[..cut], std::slice::from_ref(&end)).unwrap_err();
        assert_eq!(found, Broken::Cut { last: i64::try_from(cut).unwrap(), seq: 3, at });
    }
    assert_eq!(verify(&rewritten, &[end]).unwrap_err(), Broken::Replaced { seq: 3, at });
    assert_eq!(verify(&rewritten, &[middle]).unwrap_err(), Broken::Replaced { seq: 2, at });
}

#[test]
fn sc_05_entry_of_another_chain_or_place_has_another_hash() {
    let entry = &chain(&["a.a"])[0];
    let hash = entry.hash_after(CHAIN, &[0; 32]);
    assert_ne!(entry.hash_after(ChainId::INSTALLATION, &[0; 32]), hash);
    assert_ne!(entry.hash_after(CHAIN, &[1; 32]), hash);
    let shifted = Entry { actor: "operatora".to_owned(), act: ".a".to_owned(), ..entry.clone() };
    assert_ne!(shifted.hash_after(CHAIN, &[0; 32]), hash);
}

#[test]
fn sc_05_checkpoint_reads_back_from_a_line_of_a_log() {
    let known = checkpoint(&chain(&["a.a", "a.b"]));
    let line = known.line(&master()).unwrap();
    for around in [line.clone(), format!("INFO audit checkpoint line=\"{line}\" tenant=x")] {
        assert_eq!(Checkpoint::read(&around, &master()).unwrap().unwrap(), known, "{around}");
    }
    assert_eq!(Checkpoint::read("INFO something else", &master()), None);
}

#[test]
fn sc_05_checkpoint_that_was_altered_or_made_by_another_is_refused() {
    let line = checkpoint(&chain(&["a.a", "a.b"])).line(&master()).unwrap();
    let read = |line: &str| Checkpoint::read(line, &master()).unwrap().unwrap_err();
    assert_eq!(read(&line.replacen(" 2 ", " 1 ", 1)), NotACheckpoint::Forged);
    assert_eq!(read(&line.replacen("1970", "1971", 1)), NotACheckpoint::Forged);
    assert_eq!(read(&line[..line.len() - 2]), NotACheckpoint::Malformed);
    assert_eq!(read("vestibule-audit-1 "), NotACheckpoint::Malformed);
    let other = MasterKey::new(&[8; 32]).unwrap();
    let theirs = checkpoint(&chain(&["a.a"])).line(&other).unwrap();
    assert_eq!(read(&theirs), NotACheckpoint::UnknownKey(other.id().unwrap()));
    // Signed by another, with our id in it.
    let ids = [&other, &master()].map(|key| key.id().unwrap().to_string());
    assert_eq!(read(&theirs.replacen(&ids[0], &ids[1], 1)), NotACheckpoint::Forged);
}

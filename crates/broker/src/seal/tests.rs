use super::*;
use crate::id::TenantId;

fn master() -> MasterKey {
    MasterKey::new(&[7; 32]).unwrap()
}

#[test]
fn br_03_sealed_value_opens_only_at_its_place() {
    let key = master().browser_key().clone();
    let sealed = key.seal(&["attempt", "a"], [1; 12], b"value").unwrap();
    assert_eq!(key.open(&["attempt", "a"], &sealed).unwrap(), b"value");
    for place in [&["attempt", "b"][..], &["session", "a"], &["attempta"], &["attempt", "a", ""]] {
        assert_eq!(key.open(place, &sealed), Err(Unopenable));
    }
}

#[test]
fn br_03_any_changed_byte_or_cut_is_refused() {
    let key = master().browser_key().clone();
    let sealed = key.seal(&["p"], [1; 12], b"value").unwrap();
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert_eq!(key.open(&["p"], &altered), Err(Unopenable), "byte {at}");
        assert_eq!(key.open(&["p"], &sealed[..at]), Err(Unopenable), "cut at {at}");
    }
}

#[test]
fn sc_03_data_key_of_one_tenant_does_not_open_for_another() {
    let (a, b) = (TenantId(uuid::Uuid::from_u128(1)), TenantId(uuid::Uuid::from_u128(2)));
    let wrapped = master().wrap(a, [3; 12], &[9; 32]).unwrap();
    assert!(master().unwrap(a, &wrapped).is_ok());
    assert_eq!(master().unwrap(b, &wrapped).unwrap_err(), Unopenable);
    assert_eq!(MasterKey::new(&[8; 32]).unwrap().unwrap(a, &wrapped).unwrap_err(), Unopenable);
}

#[test]
fn pairwise_key_stays_when_the_data_key_is_wrapped_again_and_differs_by_data_key() {
    let tenant = TenantId(uuid::Uuid::from_u128(1));
    let user = crate::user::User {
        id: crate::id::UserId(uuid::Uuid::nil()),
        sub: "s".to_owned(),
        external_id: "e".to_owned(),
    };
    let rule = crate::sub::SubRule::Pairwise("a.example".to_owned());
    let made = |nonce, data_key| {
        let wrapped = master().wrap(tenant, [nonce; 12], &[data_key; 32]).unwrap();
        rule.apply(&user, &master().pairwise_key(tenant, &wrapped).unwrap()).unwrap()
    };
    assert_eq!(made(1, 9), made(2, 9));
    assert_ne!(made(1, 9), made(1, 8));
}

#[test]
fn mark_of_another_master_key_is_not_recognised() {
    let mark = master().mark([3; 12]).unwrap();
    assert!(master().recognises(&mark));
    assert!(!MasterKey::new(&[8; 32]).unwrap().recognises(&mark));
}

#[test]
fn equal_secrets_of_two_clients_do_not_look_equal() {
    let tenant = TenantId(uuid::Uuid::from_u128(1));
    let hash = |client: &str| master().client_secret_hash(tenant, client, "secret");
    assert_eq!(hash("a"), hash("a"));
    assert_ne!(hash("a"), hash("b"));
}

const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];

fn tenant() -> TenantId {
    TenantId(uuid::Uuid::from_u128(1))
}

/// What the database holds after a replacement began: the new mark, and the old client key.
fn replaced() -> [Vec<u8>; 2] {
    let ring = MasterKey::ring(&[&NEW, &OLD]).unwrap();
    let mark = MasterKey::new(&OLD).unwrap().mark([1; 12]).unwrap();
    ring.adopt(Installation { mark: &mark, client_key: None }).unwrap();
    ring.succession([[2; 12], [3; 12]]).unwrap()
}

#[test]
fn sc_03_wrapped_key_under_an_unknown_or_foreign_id_does_not_open() {
    let wrapped = MasterKey::new(&OLD).unwrap().wrap(tenant(), [3; 12], &[9; 32]).unwrap();
    let ring = MasterKey::ring(&[&NEW, &OLD]).unwrap();
    assert!(ring.unwrap(tenant(), &wrapped).is_ok());
    assert_eq!(KeyId::of(&wrapped).unwrap(), MasterKey::new(&OLD).unwrap().id().unwrap());
    // The name of the other key that is here, and the name of none.
    for id in [MasterKey::new(&NEW).unwrap().id().unwrap(), KeyId::of(&[2; 9]).unwrap()] {
        let renamed = [&wrapped[..1], id.as_bytes(), &wrapped[9..]].concat();
        assert_eq!(ring.unwrap(tenant(), &renamed).unwrap_err(), Unopenable, "{id}");
    }
    // As if it were of the form that names none.
    let unnamed = [&[1], &wrapped[9..]].concat();
    assert_eq!(ring.unwrap(tenant(), &unnamed).unwrap_err(), Unopenable);
    for cut in 0..wrapped.len() {
        assert_eq!(ring.unwrap(tenant(), &wrapped[..cut]).unwrap_err(), Unopenable, "{cut}");
    }
}

/// A mark is no data key and the client key no mark, whatever of them is copied where.
#[test]
fn sc_03_what_the_master_key_wraps_opens_only_where_it_was() {
    let [mark, client] = replaced();
    let ring = MasterKey::new(&NEW).unwrap();
    for wrapped in [&mark, &client] {
        assert_eq!(ring.unwrap(tenant(), wrapped).unwrap_err(), Unopenable);
    }
    assert!(!ring.recognises(&client));
    let swapped = Installation { mark: &mark, client_key: Some(&mark) };
    assert_eq!(ring.adopt(swapped), Err(Unopenable));
}

#[test]
fn what_the_release_before_wrapped_is_read_and_written_until_a_replacement() {
    let (master, place) = (MasterKey::new(&OLD).unwrap(), ["installation", "key_check"]);
    let wrap = SealingKey::new(&{
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule master key v1");
        derive(&salt.extract(&OLD), b"wrap").unwrap()
    });
    let wrap = wrap.unwrap();
    let mark = wrap.seal(&place, [1; 12], b"vestibule").unwrap();
    let before = wrap.seal(&["tenants", "data_key", &tenant().to_string()], [2; 12], &[9; 32]);
    assert!(master.unwrap(tenant(), &before.unwrap()).is_ok());
    master.adopt(Installation { mark: &mark, client_key: None }).unwrap();
    // Nodes of that release still run, and could not read another form.
    let wrapped = master.wrap(tenant(), [3; 12], &[9; 32]).unwrap();
    assert_eq!((wrapped[0], KeyId::of(&wrapped)), (1, None));
    let [mark, client] = MasterKey::ring(&[&NEW, &OLD])
        .map(|ring| (ring.adopt(old(&mark)), ring))
        .unwrap()
        .1
        .succession([[2; 12], [3; 12]])
        .unwrap();
    let both = MasterKey::ring(&[&NEW, &OLD]).unwrap();
    both.adopt(Installation { mark: &mark, client_key: Some(&client) }).unwrap();
    let wrapped = both.wrap(tenant(), [3; 12], &[9; 32]).unwrap();
    assert_eq!(KeyId::of(&wrapped), Some(MasterKey::new(&NEW).unwrap().id().unwrap()));
}

fn old(mark: &[u8]) -> Installation<'_> {
    Installation { mark, client_key: None }
}

/// A gateway that has both keys writes with the one in force, and learns of the other while it runs.
#[test]
fn sc_03_either_key_of_two_opens_and_the_one_in_force_seals() {
    let both = MasterKey::ring(&[&NEW, &OLD]).unwrap();
    let alone = |key| MasterKey::new(key).unwrap().browser_key().clone();
    let mark = MasterKey::new(&OLD).unwrap().mark([1; 12]).unwrap();
    both.adopt(old(&mark)).unwrap();
    let sealed = both.browser_key().seal(&["p"], [1; 12], b"v").unwrap();
    assert!(
        alone(&OLD).open(&["p"], &sealed).is_ok() && alone(&NEW).open(&["p"], &sealed).is_err()
    );
    let [mark, client] = replaced();
    both.adopt(Installation { mark: &mark, client_key: Some(&client) }).unwrap();
    assert_eq!(both.browser_key().open(&["p"], &sealed).unwrap(), b"v");
    let sealed = both.browser_key().seal(&["p"], [2; 12], b"v").unwrap();
    assert!(
        alone(&NEW).open(&["p"], &sealed).is_ok() && alone(&OLD).open(&["p"], &sealed).is_err()
    );
    assert_eq!(both.id().unwrap(), MasterKey::new(&NEW).unwrap().id().unwrap());
}

#[test]
fn client_secrets_verify_after_any_number_of_replacements() {
    let hash = |key: &MasterKey| key.client_secret_hash(tenant(), "imis", "secret");
    let before = hash(&MasterKey::new(&OLD).unwrap());
    let [mark, client] = replaced();
    let new = MasterKey::new(&NEW).unwrap();
    assert_ne!(hash(&new), before);
    new.adopt(Installation { mark: &mark, client_key: Some(&client) }).unwrap();
    assert_eq!(hash(&new), before);
    let newest = MasterKey::ring(&[&[9; 32], &NEW]).unwrap();
    newest.adopt(Installation { mark: &mark, client_key: Some(&client) }).unwrap();
    let [mark, client] = newest.succession([[4; 12], [5; 12]]).unwrap();
    let alone = MasterKey::new(&[9; 32]).unwrap();
    alone.adopt(Installation { mark: &mark, client_key: Some(&client) }).unwrap();
    assert_eq!(hash(&alone), before);
    assert_eq!(MasterKey::new(&OLD).unwrap().adopt(old(&mark)), Err(Unopenable));
}

#[test]
fn data_key_wrapped_again_is_the_same_for_the_new_master_key_alone() {
    let wrapped = MasterKey::new(&OLD).unwrap().wrap(tenant(), [3; 12], &[9; 32]).unwrap();
    let again = MasterKey::ring(&[&NEW, &OLD]).unwrap();
    let again = again.rewrap(tenant(), [4; 12], &wrapped).unwrap();
    assert!(MasterKey::new(&OLD).unwrap().unwrap(tenant(), &again).is_err());
    let place = ["directories", "sealed_client_secret", "t", "d"];
    let sealed = SealingKey::new(&[9; 32]).unwrap().seal(&place, [5; 12], b"v").unwrap();
    let opened = MasterKey::new(&NEW).unwrap().unwrap(tenant(), &again).unwrap();
    assert_eq!(opened.open(&place, &sealed).unwrap(), b"v");
}

#[test]
fn id_of_a_key_reads_back_and_nothing_else_does() {
    let id = MasterKey::new(&OLD).unwrap().id().unwrap();
    assert_eq!(id.to_string().parse::<KeyId>().unwrap(), id);
    for bad in ["", "12", "+123456789abcdef", "0123456789abcdefg", "0123456789ABCDEF"] {
        assert_eq!(bad.parse::<KeyId>(), Err(Unopenable), "{bad}");
    }
}

proptest::proptest! {
    /// [THREATS TN-06] Two different places are never the same bytes to the cipher, however their
    /// parts are cut.
    #[test]
    fn tn_06_associated_data_is_injective(
        one in proptest::collection::vec("[a-c|/\u{0}]{0,4}", 0..5),
        other in proptest::collection::vec("[a-c|/\u{0}]{0,4}", 0..5),
    ) {
        let header = [1];
        proptest::prop_assert_eq!(
            one == other,
            associated(&header, &one) == associated(&header, &other)
        );
    }

    /// Nor are the ways to cut one text.
    #[test]
    fn tn_06_cutting_a_place_elsewhere_makes_another(text in "[a|]{2,90}", at in 1..89_usize) {
        let (a, b) = text.split_at(at.min(text.len() - 1));
        let (c, d) = text.split_at(at.min(text.len() - 1) - 1);
        proptest::prop_assert_ne!(associated(&[1], &[a, b]), associated(&[1], &[c, d]));
    }
}

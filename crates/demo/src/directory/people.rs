//! The people of the test directory.

/// Someone who can sign in at the test directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their subject identifier: stable, says nothing. [OIDCC-2]
    pub sub: String,
    /// Their e-mail, by which they sign in; compared without regard to case.
    pub email: String,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// Full name.
    pub name: String,
    /// Groups, given out by userinfo only.
    pub groups: Vec<String>,
    /// Number in the personnel system, for those who have one.
    pub employee_number: Option<String>,
}

/// The people of the demonstration: two who work for the association and two members.
pub fn people() -> Vec<Person> {
    vec![
        person("00u1dana7f3", ["Dana", "Whitfield"], &["Staff", "Events"], Some("E-1001")),
        person("00u2lee4c81", ["Lee", "Okafor"], &["Staff"], Some("E-1002")),
        person("00u3robin9b", ["Robin", "Member"], &["Members"], None),
        person("00u4sofia2d", ["Sofía", "Núñez"], &[], None),
    ]
}

fn person(sub: &str, [given, family]: [&str; 2], groups: &[&str], number: Option<&str>) -> Person {
    // Addresses stay in ASCII, whatever the name.
    let plain =
        |name: &str| name.to_lowercase().replace('í', "i").replace('ú', "u").replace('ñ', "n");
    Person {
        sub: sub.to_owned(),
        email: format!("{}.{}@acme-assoc.example", plain(given), plain(family)),
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        name: format!("{given} {family}"),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        employee_number: number.map(str::to_owned),
    }
}

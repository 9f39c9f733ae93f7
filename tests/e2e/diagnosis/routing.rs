//! Which directory people get to.

use broker::failure::FailureCode;
use serde_json::json;

use super::{Case, fault, library};

pub(crate) const CASES: &[Case] = &[
    library(
        fault(
            "the only directory is paused",
            FailureCode::DirectoryNone,
            &["corp is paused"],
            "Activate a directory",
        ),
        |stand| stand.directory("state", json!("paused")),
        |stand| stand.directory("state", json!("active")),
    ),
    library(
        fault(
            "the only directory was never activated after its test",
            FailureCode::DirectoryNone,
            &["corp is being tested"],
            "Activate a directory",
        ),
        |stand| stand.directory("state", json!("testing")),
        |stand| stand.directory("state", json!("active")),
    ),
    library(
        fault(
            "the application does not admit the directory that is active",
            FailureCode::DirectoryNotAllowed,
            &["corp is not among the application's", "old is paused"],
            "Tick the directory under “Whose people may sign in” in the application's settings",
        ),
        |stand| {
            stand.other("old", "paused");
            stand.application("directories", json!(["old"]));
        },
        |stand| stand.application("directories", json!(["old", "corp"])),
    ),
    library(
        fault(
            "the domain of the e-mail address is missing in the directory's list",
            FailureCode::DomainUnrouted,
            &["no directory has `{tenant}.example`"],
            "add its domain to “E-mail domains” in the directory's settings",
        ),
        |stand| {
            stand.other("other", "active");
            let another = format!("of-another.{}", stand.domain());
            stand.directory("domains", json!([another]));
        },
        |stand| {
            let domains = [format!("of-another.{}", stand.domain()), stand.domain()];
            stand.directory("domains", json!(domains));
        },
    ),
    library(
        fault(
            "the directory that has the domain of the e-mail address is paused",
            FailureCode::DirectoryPaused,
            &["`{tenant}.example` belongs to corp, but it is paused"],
            "Activate it",
        ),
        |stand| {
            stand.other("first", "active");
            stand.other("second", "active");
            stand.directory("domains", json!([stand.domain()]));
            stand.directory("state", json!("paused"));
        },
        |stand| stand.directory("state", json!("active")),
    ),
];

//! What one can do to the configuration, for every face that does it: the configuration file
//! (`vestibule apply`), the admin API and the dashboard.
//!
//! - [`change`] compares what is stored with what is wanted and writes the difference, all of it or
//!   nothing: [`apply`] for a file, [`edit`] for one part of one tenant.
//! - [`part`] is the pure half of an edit: a tenant's settings with one part put, merged or removed.
//! - [`replace`] is a part put in another's place: a directory, with what it means for its people.
//! - [`secrets`] is where a face looks for the secrets that settings name.
//! - [`acts`] is what is done besides writing settings, [`addresses`] the same about hosts.
//! - [`token`] makes tokens of the admin API, [`links`] the links to accounts and directories;
//!   [`invitations`] says who gets one.
//! - [`credentials`] are passwords and one-time codes of people; [`keys`] rotates signing keys.
//! - [`logo`] reads the picture that a tenant puts on its pages.
//! - `choices` decides what becomes of each secret, `writer` carries a plan out.
//!
//! Who may make a change is decided by [`broker::authority`], what a valid one is by
//! [`broker::plan`].

pub mod acts;
pub mod addresses;
pub mod change;
mod choices;
pub mod credentials;
pub mod invitations;
pub mod keys;
pub mod links;
pub mod logo;
pub mod part;
pub mod replace;
pub mod secrets;
pub mod token;
mod writer;

pub use acts::{ActError, add_secret, end_old_secrets, test_link};
pub use addresses::{remove_host, set_callback};
pub use change::{
    Applied, ChangeError, Edit, Mode, Order, apply, edit, settings_of, stored_tenants,
};
pub use choices::generate;
pub use invitations::{Invitation, InviteError, Invited, invite};
pub use keys::{RotateError, Rotated, new_key, rotate_keys};
pub use links::{LinkKind, MadeLink, link, link_hash};
pub use logo::{Logo, LogoError};
pub use part::{Part, PartError, To};
pub use replace::{Recognition, Remark, Replacement, recognition, remarks};
pub use secrets::{FetchSecret, SecretError, Sent};
pub use token::{MadeToken, TOKEN_LENGTH, TOKEN_PREFIX, is_token_name, token, token_hash};

//! Fault experiments against real processes: nodes and Postgres servers that are killed, frozen,
//! failed over; directories that hang; a network that drops what it carries. What was measured is in
//! `docs/reliability.md`; the rows are those of THREATS section 4.
//!
//! - [`killed`]: a node, at fifteen points of a login, [`killed_later`] at four after it;
//!   [`rolling`]: nodes replaced under load; [`herd`]: nodes that know nothing yet
//! - [`postgres`]: restarted; [`away`]: out of reach; [`failover`]: a standby takes over; [`disk`]:
//!   no space left
//! - [`upstream`]: directories that hang, are down, flap, or talk nonsense
//! - [`keys`]: the first key, and its rotation under load; [`news`]: a change nobody heard of
//!
//! They are made of [`server`] (Postgres), [`proxy`] and [`balancer`] (the network), [`stand`] (all
//! of it together, and the books) and [`people`] (a login with one retry).

#[cfg(test)]
mod away;
#[cfg(test)]
mod balancer;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod herd;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod killed_later;
#[cfg(test)]
mod news;
#[cfg(test)]
mod people;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod rolling;
#[cfg(test)]
mod server;
#[cfg(test)]
mod stand;
#[cfg(test)]
mod upstream;

#[cfg(test)]
use tokio::sync::{Mutex, MutexGuard};

/// One experiment at a time: they measure, and the machine is small.
#[cfg(test)]
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

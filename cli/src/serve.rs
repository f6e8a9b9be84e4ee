//! `lyceum serve` and `lyceum gateway`: one part of the fabric, until it is told to stop.
//!
//! This is what production runs. Each service in the process has an identity, a port and a registration of its own, as
//! if it ran alone. Stopping drains: callers leave, calls under way finish, the registration goes. Under `lyceum up`
//! (`--supervised`) a process also says where it serves, on standard output, and stops when its supervisor does.

use anyhow::{Context as _, bail};
use lyceum::Fabric;
use lyceum::configuration::Configuration;
use lyceum::telemetry;
use tokio::task::JoinSet;

use crate::arguments::{Gateway, Serve};
use crate::process::Announcement;
use crate::services::{self, Service};
use crate::stopping::Stop;
use crate::up::GATEWAY;

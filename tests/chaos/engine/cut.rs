//! How the network between the machines is cut and slowed. The players reach every node all the time.

use std::time::{Duration, Instant};

use super::fault::Fault;
use super::harm::{Begun, Lot, Skipped, Undo, begun, no};
use super::site::{Site, machine_of_node};
use crate::harness::net::Net;

/// How much later everything arrives that a machine far away sends or is sent.
const FAR: Duration = Duration::from_millis(40);

/// Begins a fault of the network.
pub fn begin(fault: Fault, site: &Site, lot: &Lot) -> Result<Begun, Skipped> {
    let net = site.net.as_ref().map_err(|words| Skipped(words.clone()))?;
    let primary = || site.primary().ok_or_else(|| no("primary"));
    let node = machine_of_node(lot.node);
    let hit = vec![site.nodes[lot.node].address];
    match fault {
        Fault::PrimaryCut => {
            let primary = primary()?;
            let words = format!("the machine of Redis {primary}, the primary, is cut off");
            Ok(cut_off(net, &[primary], lot.between(1_000, 12_000), &words))
        }
        Fault::ReplicaCut => {
            let replicas = site.replicas();
            let replica = *replicas.get(usize::from(lot.coin)).ok_or_else(|| no("replica"))?;
            let words = format!("the machine of Redis {replica}, a replica, is cut off");
            Ok(cut_off(net, &[replica], lot.between(1_000, 12_000), &words))
        }
        Fault::NodeCut => {
            let away = if lot.coin { lot.between(30_000, 32_000) } else { lot.between(1_000, 9_000) };
            let words = format!("node {} is cut off", lot.node);
            Ok(Begun { hit, ..cut_off(net, &[node], away, &words) })
        }
        Fault::Split => {
            let primary = primary()?;
            let words = format!("Redis {primary}, the primary, and node {} are cut off together", lot.node);
            Ok(Begun { hit, ..cut_off(net, &[primary, node], lot.between(3_000, 12_000), &words) })
        }
        Fault::OneWayCut => {
            let others = net.all_but(&[lot.machine]);
            let other = others[usize::from(lot.coin) * (others.len() - 1) / 2];
            net.cut_one_way(&[lot.machine], &[other]);
            let words = format!("what machine {} sends machine {other} is lost", lot.machine);
            Ok(until_mended(&words, lot.between(1_000, 10_000), vec![lot.machine], vec![other]))
        }
        Fault::FarAway => {
            let others = net.all_but(&[lot.machine]);
            net.slow(&[lot.machine], &others, FAR);
            let words = format!("machine {} is {FAR:?} away from the others", lot.machine);
            Ok(until_mended(&words, lot.between(3_000, 12_000), vec![lot.machine], others))
        }
        other => Err(Skipped(format!("{} is not done to the network", other.name()))),
    }
}

fn cut_off(net: &Net, machines: &[usize], away: Duration, words: &str) -> Begun {
    let others = net.all_but(machines);
    net.cut(machines, &others);
    until_mended(words, away, machines.to_vec(), others)
}

fn until_mended(words: &str, away: Duration, some: Vec<usize>, others: Vec<usize>) -> Begun {
    let undo = vec![(away, Undo::Mend { some, others })];
    begun(format!("{words} for {away:.1?}"), Instant::now(), undo)
}

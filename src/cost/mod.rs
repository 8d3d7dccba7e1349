//! Money: what tokens cost, what tenants and teams may use, and what they have used.

pub mod budgets;
pub mod prices;

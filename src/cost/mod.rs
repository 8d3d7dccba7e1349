//! Money: what tenants and teams may use, and what they have used.

pub mod budgets;

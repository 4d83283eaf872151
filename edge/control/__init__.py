"""The only code that ticks: it gathers the facts, asks for a decision and sees it carried out."""

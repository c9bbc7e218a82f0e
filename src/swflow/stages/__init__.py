"""What each command does, in the data's order: reads, computes, writes."""

"""Invariants under faults: processes killed, dependencies hung, connections cut."""

"""The protocols between cells, as pure state machines: lease, fence, gate, promotion, quotas, transit."""

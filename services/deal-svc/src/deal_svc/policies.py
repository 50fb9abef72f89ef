"""What deal-svc decides without a person."""

from __future__ import annotations

from chassis.bounds import Days, Hours
from chassis.policies import Policies, Policy


class Pipeline(Policy):
    """How long a stage may wait for its owner, and what a proposal asks for by default."""

    needs_within_hours: Hours = 72
    proposal_within_hours: Hours = 72
    validity_days: Days = 30
    net_days: Days = 30


policies = Policies(pipeline=Pipeline)

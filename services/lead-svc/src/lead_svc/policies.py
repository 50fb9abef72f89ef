"""What lead-svc decides without a person."""

from __future__ import annotations

from chassis.bounds import Hours, Score
from chassis.policies import Policies, Policy


class Qualification(Policy):
    """When a lead qualifies by itself, and how soon a person must look at the others."""

    threshold: Score = 80
    """Score, of 100, from which a lead with a stated need qualifies by itself."""
    express: bool = True
    """Whether a complete web order qualifies whatever its score."""
    review_within_hours: Hours = 48
    contact_within_hours: Hours = 24


policies = Policies(qualification=Qualification)

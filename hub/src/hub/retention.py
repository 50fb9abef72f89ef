"""How long the feed is kept: a policy, so that changing it is seen and has a reason."""

from __future__ import annotations

from pydantic import Field

from chassis.policies import Policies, Policy


class FeedPolicy(Policy):
    """Facts are kept so many days; the database's own `keep_feed` reads this."""

    days: int = Field(default=30, ge=1, le=400)


policies = Policies(feed=FeedPolicy)

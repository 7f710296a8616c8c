"""What a step goes towards, a kind of guidance a file: branches of the network, and likeness to something given."""

from seedscope.pipeline.drawing.guidance.branches import Branch as Branch
from seedscope.pipeline.drawing.guidance.branches import branches as branches
from seedscope.pipeline.drawing.guidance.branches import combine as combine
from seedscope.pipeline.drawing.guidance.branches import rescaled as rescaled
from seedscope.pipeline.drawing.guidance.branches import step_of as step_of
from seedscope.pipeline.drawing.guidance.branches import weights as weights

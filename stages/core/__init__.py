"""What every stage uses. Importing any of it pins the numerics, before numpy or torch load."""

from stages.core import numerics as numerics

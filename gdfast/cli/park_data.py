"""The park data of tutorial C: visitors of a park on days of a temperature."""

__all__ = ["TEMPERATURES", "VISITORS"]

TEMPERATURES = (15, 18, 20, 21, 23, 25, 27, 28, 29, 30, 32, 34, 35, 36)  # degrees Celsius
VISITORS = (23, 74, 65, 82, 135, 321, 440, 400, 290, 620, 630, 610, 560, 568)

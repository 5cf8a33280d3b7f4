"""Sounds as images: WAV files, their spectrograms, and a synthetic set.

- waves: samples of a WAV file, checked.
- spectrogram: silence trimmed, length fixed, log-mel spectrogram.
- sound_images: a sound in the place of an image file, and the settings of its spectrogram.
- chirps: synthetic tones of eight contours, for demonstrations and tests.
"""

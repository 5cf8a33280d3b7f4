"""Parts of `tl-keras check`.

- check: the job: reads the images, looks for faults, writes the page and the fixes
- file_findings: files that cannot be read, other formats than the suffix says, odd sizes
- copy_findings: images that are the same, or nearly the same
- features: features of the images and their nearest others
- label_findings: suspect labels and odd images, from features
- review: page on which a person accepts or rejects each finding
- tables: findings.csv, label_scores.csv, pairs.csv and fixes.csv
- images: the images that are checked, with their names, contents and splits
"""

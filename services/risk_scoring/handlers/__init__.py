"""What risk scoring does when others announce something: load the case files, change them, score, save, announce."""
